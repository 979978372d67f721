import math

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.metrics import (
    LIMIT_DB,
    bss_eval_available,
    energy,
    framewise_sdr,
    sdr,
    sdr_of_energies,
)

RATE = 1000
needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


def noisy_stems(samples, stems=2, channels=2):
    generator = torch.Generator().manual_seed(samples)
    targets = torch.randn(stems, channels, samples, generator=generator, dtype=torch.float64)
    leak = 0.1 * targets.flip(0)
    return targets + leak + 0.05 * torch.randn(targets.shape, generator=generator, dtype=torch.float64), targets


def museval_sdr(estimates, targets):
    import museval

    arrays = (x.mT.numpy() for x in (targets, estimates))
    return torch.from_numpy(museval.evaluate(*arrays, win=RATE, hop=RATE)[0])


def test_sdr_gives_the_hand_computed_ratio():
    target = torch.tensor([[3.0, 0.0], [0.0, 4.0]])  # energy 25
    estimate = torch.tensor([[3.0, 1.0], [0.0, 2.0]])  # error 1 + 4
    assert sdr(estimate, target).item() == pytest.approx(10 * math.log10(25 / 5), abs=1e-5)


def test_sdr_of_a_perfect_estimate_is_set_by_eps():
    target = torch.ones(2, 50, dtype=torch.float64)  # energy 100
    assert sdr(target, target).item() == pytest.approx(10 * math.log10((100 + 1e-7) / 1e-7))


def test_sdr_is_zero_for_silent_estimates_only():
    sound, silence = torch.ones(2, 50), torch.zeros(2, 50)
    assert sdr(silence, sound).item() == pytest.approx(0)
    assert sdr(sound, silence).isnan()
    assert sdr(silence, silence).isnan()


def test_sdr_falls_by_six_decibels_when_the_error_doubles():
    estimates, targets = noisy_stems(4000)
    error = estimates - targets
    drop = sdr(targets + error, targets) - sdr(targets + 2 * error, targets)
    torch.testing.assert_close(drop, torch.full_like(drop, 20 * math.log10(2)), atol=1e-6, rtol=0)


def test_sdr_of_a_batch_is_that_of_each_song():
    estimates, targets = noisy_stems(4000, stems=3)
    each = torch.stack([sdr(e, t) for e, t in zip(estimates, targets, strict=True)])
    torch.testing.assert_close(sdr(estimates, targets), each)


@needs_museval
@pytest.mark.parametrize("samples", [3 * RATE, 3 * RATE + 1, 4 * RATE - 1, RATE, RATE - 200])
def test_framewise_sdr_equals_museval(samples):
    estimates, targets = noisy_stems(samples)
    torch.testing.assert_close(
        framewise_sdr(estimates, targets, RATE), museval_sdr(estimates, targets), atol=1e-8, rtol=0
    )


@needs_museval
@pytest.mark.parametrize("antiphase", [False, True], ids=["all zero", "channels that cancel"])
@pytest.mark.parametrize("which", ["target", "estimate"])
def test_framewise_sdr_has_musevals_undefined_frames(which, antiphase):
    estimates, targets = noisy_stems(4 * RATE)
    signal = targets if which == "target" else estimates
    signal[1, 1, RATE : 2 * RATE] = -signal[1, 0, RATE : 2 * RATE]
    if not antiphase:
        signal[1, :, RATE : 2 * RATE] = 0
    frames = framewise_sdr(estimates, targets, RATE)
    torch.testing.assert_close(frames, museval_sdr(estimates, targets), atol=1e-8, rtol=0, equal_nan=True)
    assert frames.isnan().tolist() == [[False, True, False, False]] * 2


def test_a_frame_silent_in_one_stem_is_undefined_for_all():
    estimates, targets = noisy_stems(3 * RATE, stems=3)
    targets[0, :, :RATE] = 0
    estimates[2, :, 2 * RATE :] = 0
    assert framewise_sdr(estimates, targets, RATE).isnan().tolist() == [[True, False, True]] * 3


def test_a_frame_with_a_single_sound_is_defined():
    estimates, targets = noisy_stems(RATE)
    targets[0] = 0
    targets[0, 0, 17] = 1e-4
    assert framewise_sdr(estimates, targets, RATE).isfinite().all()


def test_a_song_shorter_than_a_second_is_one_frame():
    estimates, targets = noisy_stems(RATE // 2)
    frames = framewise_sdr(estimates, targets, RATE)
    assert frames.shape == (2, 1)
    torch.testing.assert_close(frames[:, 0], sdr(estimates, targets), atol=1e-6, rtol=0)


def test_a_perfect_frame_has_the_finite_limit():
    _, targets = noisy_stems(2 * RATE)
    assert (framewise_sdr(targets, targets, RATE) == LIMIT_DB).all()


def test_framewise_sdr_ignores_loudness_and_order_of_channels():
    estimates, targets = noisy_stems(3 * RATE)
    frames = framewise_sdr(estimates, targets, RATE)
    torch.testing.assert_close(framewise_sdr(estimates * 8, targets * 8, RATE), frames)
    torch.testing.assert_close(framewise_sdr(estimates.flip(1), targets.flip(1), RATE), frames)


def test_framewise_sdr_of_float32_agrees_with_float64():
    estimates, targets = noisy_stems(3 * RATE)
    single = framewise_sdr(estimates.float(), targets.float(), RATE)
    torch.testing.assert_close(single.double(), framewise_sdr(estimates, targets, RATE), atol=1e-4, rtol=0)


def test_different_lengths_are_refused():
    estimates, targets = noisy_stems(RATE)
    with pytest.raises(InputError, match="same stems, channels and samples"):
        framewise_sdr(estimates[..., :-1], targets, RATE)
    with pytest.raises(InputError, match="same stems, channels and samples"):
        sdr(estimates[:1], targets)


def test_energies_of_parts_give_the_score_of_the_whole():
    generator = torch.Generator().manual_seed(3)
    target = torch.randn(4, 2, 900, generator=generator).double()
    estimate = target + 0.1 * torch.randn(target.shape, generator=generator)
    parts = list(zip(estimate.split(400, dim=-1), target.split(400, dim=-1), strict=True))
    signal = sum(energy(one) for _, one in parts)
    error = sum(energy(one - other) for other, one in parts)
    torch.testing.assert_close(sdr_of_energies(signal, error), sdr(estimate, target))
