import numpy as np
import pytest
import torch

from bsroformer.data.mixing import RandomMix, mix, random_channel_swap, random_gain, random_polarity

STEMS, FRAMES = 2000, 3


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def stems() -> torch.Tensor:
    """Many stems of two unlike channels, ``(n c t)``."""
    return torch.randn(STEMS, 2, FRAMES)


def test_the_mixture_is_the_sum_of_the_stems():
    stems = torch.randn(5, 4, 2, 100)
    torch.testing.assert_close(mix(stems), stems[:, 0] + stems[:, 1] + stems[:, 2] + stems[:, 3])
    assert torch.equal(mix(stems)[2], mix(stems[2]))


def test_each_stem_gets_one_gain_from_the_whole_range(stems):
    factors = random_gain(stems, 0.25, 1.25, rng()) / stems
    torch.testing.assert_close(factors, factors[:, :1, :1].expand_as(factors))
    gains = factors[:, 0, 0]
    assert gains.min().item() == pytest.approx(0.255, abs=0.005)
    assert gains.max().item() == pytest.approx(1.245, abs=0.005)
    assert gains.mean() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("vary", "changed"), [(random_channel_swap, lambda x: x.flip(-2)), (random_polarity, lambda x: -x)]
)
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_stem_is_changed_as_a_whole_with_the_given_probability_or_left_alone(stems, vary, changed, probability):
    before = stems.clone()
    varied = vary(stems, probability, rng())
    is_changed = (varied == changed(before)).all(-1).all(-1)
    is_same = (varied == before).all(-1).all(-1)
    assert (is_changed ^ is_same).all()
    assert is_changed.float().mean().item() == pytest.approx(probability, abs=0.04 * (0 < probability < 1))
    assert torch.equal(stems, before)


def test_mono_stems_have_nothing_to_swap():
    stems = torch.randn(20, 1, 5)
    assert torch.equal(random_channel_swap(stems, 1.0, rng()), stems)


def test_all_variations_are_drawn_for_each_stem_on_its_own(stems):
    varied = RandomMix(0.0, gain=(0.5, 2.0), channel_swap=0.3, polarity=0.6).vary(stems, rng())
    straight, swapped = varied / stems, varied / stems.flip(-2)
    is_straight, is_swapped = (torch.isclose(ratio, ratio[:, :1, :1]).all(-1).all(-1) for ratio in (straight, swapped))
    assert (is_straight ^ is_swapped).all()
    gains = torch.where(is_straight, straight[:, 0, 0], swapped[:, 0, 0])
    assert ((gains.abs() >= 0.5) & (gains.abs() <= 2.0)).all()
    drawn = torch.stack([is_swapped, gains < 0, gains.abs() > 1.25]).float()
    assert (drawn.mean(1) - torch.tensor([0.3, 0.6, 0.5])).abs().max() < 0.04
    assert (drawn.corrcoef() - torch.eye(3)).abs().max() < 0.1


def test_the_generator_alone_decides(stems):
    mixing = RandomMix(0.0, (0.5, 2.0), 0.5, 0.5)
    assert torch.equal(mixing.vary(stems, rng(1)), mixing.vary(stems, rng(1)))
    assert not torch.equal(mixing.vary(stems, rng(1)), mixing.vary(stems, rng(2)))
