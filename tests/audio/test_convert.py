import math

import pytest
import torch

from bsroformer.audio.convert import resample, resample_blocks, to_channels
from bsroformer.errors import InputError


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def tone(frequency: float, rate: int, seconds: float = 1) -> torch.Tensor:
    time = torch.arange(int(rate * seconds), dtype=torch.float64) / rate
    return torch.sin(2 * math.pi * frequency * time).float()[None]


def test_mono_to_stereo_and_back_changes_nothing():
    mono = noise(1, 100)
    assert to_channels(mono, 2).shape == (2, 100)
    assert torch.equal(to_channels(to_channels(mono, 2), 1), mono)


def test_audio_of_the_right_channels_is_returned_unchanged():
    audio = noise(5, 10)
    assert to_channels(audio, 5) is audio


def test_mono_is_the_mean_of_stereo():
    assert to_channels(torch.tensor([[1.0, 0.5], [0.0, -0.5]]), 1).tolist() == [[0.5, 0.0]]


def test_surround_is_mixed_down_by_bs775():
    left_right = to_channels(torch.eye(6), 2)  # gains of L R C LFE Ls Rs in left and right
    half_power = 0.5**0.5
    expected = [[1, 0, half_power, 0, half_power, 0], [0, 1, half_power, 0, 0, half_power]]
    torch.testing.assert_close(left_right, torch.tensor(expected))
    torch.testing.assert_close(to_channels(torch.eye(6), 1)[0], left_right.mean(dim=0))


@pytest.mark.parametrize("channels", range(3, 9))
def test_every_surround_downmix_treats_left_and_right_alike(channels):
    left_right = to_channels(torch.eye(channels), 2)
    assert torch.equal(left_right[0].sort().values, left_right[1].sort().values)
    assert left_right[:, :2].tolist() == [[1, 0], [0, 1]]


def test_leading_axes_are_kept():
    assert to_channels(noise(3, 4, 6, 10), 2).shape == (3, 4, 2, 10)
    assert to_channels(noise(3, 1, 10), 2).shape == (3, 2, 10)


@pytest.mark.parametrize(("found", "wanted"), [(9, 2), (16, 1), (2, 6), (1, 3)])
def test_a_number_of_channels_without_a_rule_is_refused(found, wanted):
    with pytest.raises(InputError, match=f"{found} channels cannot be made into {wanted}; .*mix it down"):
        to_channels(noise(found, 10), wanted)


@pytest.mark.parametrize("frames", [1, 999, 44_100, 44_101])
@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 48000), (48000, 44100), (44100, 192000), (8000, 44100)])
def test_the_length_is_rounded_up(frames, rate, new_rate):
    assert resample(noise(2, frames), rate, new_rate).shape == (2, math.ceil(frames * new_rate / rate))


@pytest.mark.parametrize("rate", [48000, 96000, 192000])
def test_upsampling_and_back_keeps_the_pass_band(rate):
    audio = sum(tone(frequency, 44100) for frequency in (60, 1000, 7000, 18_000)) / 4
    back = resample(resample(audio, 44100, rate), rate, 44100)
    error = (back - audio)[:, 1000:-1000]
    assert back.shape == audio.shape
    assert 20 * math.log10(error.abs().max()) < -95  # dB of full scale, in float32


def test_a_tone_keeps_its_time_and_level_at_the_new_rate():
    new = resample(tone(5000, 44100), 44100, 48000)
    torch.testing.assert_close(new[:, 500:-500], tone(5000, 48000)[:, 500:-500], atol=1e-5, rtol=0)


def test_downsampling_removes_frequencies_above_the_new_band():
    assert resample(tone(18_000, 44100), 44100, 32000)[:, 500:-500].abs().max() < 1e-4


def test_the_same_rate_changes_nothing():
    audio = noise(2, 50)
    assert resample(audio, 44100, 44100) is audio
    assert next(resample_blocks([audio], 44100, 44100)) is audio


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 48000), (48000, 44100), (192000, 44100), (8000, 44100)])
@pytest.mark.parametrize("size", [1000, 50_000, 400_000])
def test_resampled_blocks_join_to_the_resampled_whole(rate, new_rate, size):
    audio = noise(2, 300_007)
    streamed = torch.cat(list(resample_blocks(audio.split(size, dim=1), rate, new_rate)), dim=1)
    torch.testing.assert_close(streamed, resample(audio, rate, new_rate), atol=1e-6, rtol=0)


def test_an_empty_stream_stays_empty():
    assert list(resample_blocks([], 44100, 48000)) == []


def test_rates_without_a_common_divisor_are_refused():
    for converted in (
        lambda: resample(noise(1, 10), 44101, 44100),
        lambda: list(resample_blocks([noise(1, 10)], 44101, 44100)),
    ):
        with pytest.raises(InputError, match=r"44101 Hz cannot be resampled to 44100 Hz .*`ffmpeg -i in\.wav"):
            converted()
