import numpy as np
import pytest
import torch

from bsroformer.data.augment import Codec
from bsroformer.errors import InputError


def noise(frames: int, channels: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(channels, frames, generator=torch.Generator().manual_seed(0))


def through(stem: torch.Tensor, name: str, kbits: int, rate: int = 44_100) -> torch.Tensor:
    return Codec(1.0, (kbits, kbits), (name,))(stem, rate, np.random.default_rng(0))


def lag(late: torch.Tensor, early: torch.Tensor) -> int:
    """Delay of one signal against the other in samples, by cross-correlation."""
    size = 2 * early.shape[-1]
    spectrum = torch.fft.rfft(late[0], size) * torch.fft.rfft(early[0], size).conj()
    at = int(torch.fft.irfft(spectrum, size).argmax())
    return at if at < size // 2 else at - size


def error_db(changed: torch.Tensor, stem: torch.Tensor) -> float:
    return float(10 * torch.log10((changed - stem).square().mean() / stem.square().mean()))


@pytest.mark.parametrize("name", ["mp3", "aac"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [22_050, 23_456])
def test_the_sound_keeps_its_timing(name, rate, channels, frames):
    stem = noise(frames, channels)
    assert lag(through(stem, name, 128, rate), stem) == 0


@pytest.mark.parametrize("name", ["mp3", "aac"])
def test_more_bits_lose_less(name):
    stem = noise(44_100)
    assert error_db(through(stem, name, 320), stem) < error_db(through(stem, name, 64), stem) - 5 < -5


@pytest.mark.parametrize("name", ["mp3", "aac"])
def test_samples_beyond_full_scale_are_coded_equally_well(name):
    stem = noise(44_100)
    loud = 20 * stem
    assert loud.abs().max() > 5
    errors = [error_db(through(signal, name, 320), signal) for signal in (loud, stem)]
    assert errors[0] == pytest.approx(errors[1], abs=1)


def test_each_format_is_chosen():
    stem = noise(8000)
    either = Codec(1.0, (128, 128), ("mp3", "aac"))
    drawn = [either(stem, 44_100, np.random.default_rng(seed)) for seed in range(8)]
    for name in ("mp3", "aac"):
        assert any(torch.equal(changed, through(stem, name, 128)) for changed in drawn)


def test_audio_that_a_codec_does_not_support_is_refused():
    with pytest.raises(
        InputError, match=r"mp3, which takes mono or stereo at 8000, .* 48000 Hz, not 2 .* 96000 Hz; set"
    ):
        through(noise(1000), "mp3", 128, rate=96_000)
    with pytest.raises(InputError, match=r"aac, which takes mono or stereo .* not 6 channels"):
        through(noise(1000, channels=6), "aac", 128)
