import shutil
import sys

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.metrics import bss_eval, bss_eval_available, framewise_sdr

RATE = 1000
needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


def noisy_stems():
    generator = torch.Generator().manual_seed(1)
    targets = torch.randn(2, 2, 3 * RATE, generator=generator)
    return targets + 0.1 * targets.flip(0) + 0.01 * torch.randn(targets.shape, generator=generator), targets


@needs_museval
def test_its_sdr_is_the_framewise_sdr():
    estimates, targets = noisy_stems()
    scores = bss_eval(estimates, targets, RATE)
    torch.testing.assert_close(scores["SDR"].float(), framewise_sdr(estimates, targets, RATE), atol=1e-4, rtol=0)


@needs_museval
def test_leakage_lowers_sir_and_noise_lowers_sar():
    _, targets = noisy_stems()
    noise = torch.randn(targets.shape, generator=torch.Generator().manual_seed(2))
    leaky = bss_eval(targets + 0.1 * targets.flip(0), targets, RATE)
    noisy = bss_eval(targets + 0.1 * noise, targets, RATE)
    assert set(leaky) == {"SDR", "SIR", "SAR", "ISR"}
    assert all(frames.shape == (2, 3) for frames in leaky.values())
    assert (leaky["SIR"] < 25).all()
    assert (leaky["SAR"] > 80).all()
    assert (noisy["SAR"] < 25).all()
    assert (noisy["SIR"] > leaky["SIR"]).all()


@needs_museval
@pytest.mark.parametrize("silent", ["target", "estimate"])
def test_a_stem_that_is_silent_all_the_time_makes_every_frame_undefined(silent):
    estimates, targets = noisy_stems()
    (targets if silent == "target" else estimates)[0] = 0
    scores = bss_eval(estimates, targets, RATE)
    assert all(frames.shape == (2, 3) and frames.isnan().all() for frames in scores.values())


@needs_museval
def test_a_single_stem_is_refused():
    estimates, targets = noisy_stems()
    with pytest.raises(InputError, match="two stems or more"):
        bss_eval(estimates[:1], targets[:1], RATE)


@pytest.mark.parametrize("missing", ["ffmpeg", "ffprobe"])
def test_without_ffmpeg_it_is_not_available_and_says_what_to_install(monkeypatch, missing):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == missing else which(name))
    assert not bss_eval_available()
    with pytest.raises(InputError, match="FFmpeg"):
        bss_eval(*noisy_stems(), RATE)


def test_without_museval_it_is_not_available(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setitem(sys.modules, "museval", None)
    assert not bss_eval_available()
