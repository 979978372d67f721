import math

import pytest
import torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from bsroformer.errors import InputError
from bsroformer.metrics import LIMIT_DB, energy, inner_product, si_sdr, si_sdr_of_energies

GENERATOR = torch.Generator().manual_seed(0)
TARGET = torch.randn(3, 2, 4000, generator=GENERATOR)
ESTIMATE = 0.7 * TARGET + 0.3 * torch.randn(3, 2, 4000, generator=GENERATOR) + 0.1


def test_orthogonal_noise_gives_the_hand_computed_ratio():
    target = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    estimate = torch.tensor([[6.0, 0.0], [0.0, 2.0]])  # alpha = 2: |alpha s|^2 = 36, error 2^2 = 4
    assert si_sdr(estimate, target).item() == pytest.approx(10 * math.log10(36 / 4))


def test_equals_torchmetrics_on_flattened_signals():
    expected = scale_invariant_signal_distortion_ratio(ESTIMATE.flatten(1), TARGET.flatten(1), zero_mean=False)
    torch.testing.assert_close(si_sdr(ESTIMATE, TARGET), expected)


@pytest.mark.parametrize("gain", [1e-3, 0.5, 20.0, -1.0])
def test_a_gain_on_either_signal_changes_nothing(gain):
    torch.testing.assert_close(si_sdr(gain * ESTIMATE, TARGET), si_sdr(ESTIMATE, TARGET))
    torch.testing.assert_close(si_sdr(ESTIMATE, gain * TARGET), si_sdr(ESTIMATE, TARGET))


def test_a_gain_on_one_channel_counts_as_an_error():
    unbalanced = TARGET * torch.tensor([[1.0], [0.5]])
    assert (si_sdr(unbalanced, TARGET) < 15).all()


def test_the_mean_is_not_removed():
    assert (si_sdr(TARGET + 1.0, TARGET) < 1).all()


def test_a_song_of_many_blocks_scores_as_one():
    target = torch.randn(2, 300_001, generator=GENERATOR)
    estimate = target + 0.1 * torch.randn(target.shape, generator=GENERATOR)
    expected = scale_invariant_signal_distortion_ratio(estimate.flatten(), target.flatten())
    torch.testing.assert_close(si_sdr(estimate, target), expected)


def test_leading_axes_remain():
    stacked = si_sdr(ESTIMATE.expand(5, 3, 2, 4000), TARGET.expand(5, 3, 2, 4000))
    torch.testing.assert_close(stacked, si_sdr(ESTIMATE, TARGET).expand(5, 3))
    assert si_sdr(ESTIMATE[0], TARGET[0]).shape == ()


def test_silent_targets_are_undefined_and_estimates_score_least():
    silence = torch.zeros(2, 100)
    sound = torch.ones(2, 100)
    assert si_sdr(sound, silence).isnan()
    assert si_sdr(silence, silence).isnan()
    assert si_sdr(silence, sound) == -LIMIT_DB


def test_a_perfect_estimate_scores_the_finite_limit():
    assert (si_sdr(TARGET.double(), TARGET.double()) == LIMIT_DB).all()
    assert (si_sdr(2 * TARGET.double(), TARGET.double()) == LIMIT_DB).all()


def test_a_nan_in_the_estimate_is_not_hidden():
    assert si_sdr(torch.tensor([[math.nan, 1.0]]), torch.ones(1, 2)).isnan()


def test_half_precision_signals_are_scored_in_float32():
    score = si_sdr(ESTIMATE.bfloat16(), TARGET.bfloat16())
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, si_sdr(ESTIMATE, TARGET), atol=0.05, rtol=0)


@pytest.mark.parametrize("shape", [(2, 3999), (1, 4000), (3, 2, 4000)])
def test_different_shapes_are_refused(shape):
    with pytest.raises(InputError, match="same stems, channels and samples"):
        si_sdr(torch.zeros(shape), TARGET[0])


@pytest.mark.parametrize("shape", [(4000,), (2, 0), (0, 4000)])
def test_signals_without_channels_or_samples_are_refused(shape):
    with pytest.raises(InputError, match="cannot be scored"):
        si_sdr(torch.zeros(shape), torch.zeros(shape))


@pytest.mark.parametrize("noise", [10.0, 1e-2, 1e-5])  # up to 100 dB, the limit
@pytest.mark.parametrize("gain", [1e-3, 1.0, -50.0])
def test_energies_of_parts_give_the_score_of_the_whole(noise, gain):
    target = TARGET.double()
    estimate = gain * (target + noise * torch.randn(target.shape, generator=torch.Generator().manual_seed(1)))
    parts = list(zip(estimate.split(1500, dim=-1), target.split(1500, dim=-1), strict=True))
    sums = [sum(energy(part[place]) for part in parts) for place in (1, 0)]
    product = sum(inner_product(*part) for part in parts)
    torch.testing.assert_close(si_sdr_of_energies(*sums, product), si_sdr(estimate, target), rtol=1e-5, atol=0)
