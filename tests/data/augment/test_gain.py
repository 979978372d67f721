import numpy as np
import pytest
import torch

from bsroformer.data.augment import Gain


def gains(effect: Gain) -> np.ndarray:
    """The factors of many stems."""
    rng = np.random.default_rng(0)
    return np.array([float(effect(torch.ones(1, 1), 44_100, rng)) for _ in range(2000)])


def test_factors_are_uniform_over_their_range():
    drawn = gains(Gain(1.0, (0.25, 1.25), "factor"))
    np.testing.assert_allclose(np.quantile(drawn, [0, 0.25, 0.5, 0.75, 1]), [0.25, 0.5, 0.75, 1.0, 1.25], atol=0.03)


def test_decibels_are_uniform_over_theirs():
    drawn = 20 * np.log10(gains(Gain(1.0, (-10.0, 10.0), "dB")))
    np.testing.assert_allclose(np.quantile(drawn, [0, 0.25, 0.5, 0.75, 1]), [-10, -5, 0, 5, 10], atol=0.6)


@pytest.mark.parametrize(("limits", "scale"), [((1.0, 1.0), "factor"), ((0.0, 0.0), "dB")])
def test_a_range_of_no_width_leaves_a_stem_alone(limits, scale):
    stem = torch.randn(2, 100)
    assert torch.equal(Gain(1.0, limits, scale)(stem, 44_100, np.random.default_rng(0)), stem)


def test_all_samples_get_one_gain():
    stem = torch.randn(2, 100)
    ratio = Gain(1.0, (0.25, 1.25), "factor")(stem, 44_100, np.random.default_rng(0)) / stem
    torch.testing.assert_close(ratio, ratio[:1, :1].expand_as(ratio))
