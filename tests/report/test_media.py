import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import write
from bsroformer.report.media import LONGEST_SECONDS, LOUDEST, gain_of, sounds


def decoded(uri: str) -> tuple[str, bytes]:
    head, _, data = uri.partition(",")
    return head, base64.b64decode(data)


def sound(path: Path) -> str | None:
    """The source for the player of a single sound."""
    [source] = sounds([path])
    return source


def heard(source: str) -> np.ndarray:
    """Its samples, (t c)."""
    return soundfile.read(io.BytesIO(decoded(source)[1]), always_2d=True)[0]


def tone(rate: int, seconds: float, channels: int = 2) -> torch.Tensor:
    time = torch.arange(int(rate * seconds)) / rate
    return (0.5 * torch.sin(2 * torch.pi * 440 * time)).expand(channels, -1).contiguous()


@pytest.mark.parametrize(
    ("rate", "channels", "kind"), [(44_100, 2, "mpeg"), (8000, 1, "mpeg"), (20_000, 2, "flac"), (44_100, 4, "flac")]
)
def test_a_sound_can_be_decoded_again(tmp_path, rate, channels, kind):
    audio = tone(rate, 1.0, channels)
    write(tmp_path / "a.wav", audio, rate)
    head, data = decoded(sound(tmp_path / "a.wav"))
    assert head == f"data:audio/{kind};base64"
    samples, found = soundfile.read(io.BytesIO(data), always_2d=True)
    assert (found, samples.shape[1]) == (rate, channels)
    level = np.sqrt(np.mean(samples[rate // 4 : rate // 2] ** 2))
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_long_sound_is_cut(tmp_path):
    write(tmp_path / "a.wav", tone(8000, LONGEST_SECONDS + 5), 8000)
    samples, rate = soundfile.read(io.BytesIO(decoded(sound(tmp_path / "a.wav"))[1]))
    assert len(samples) / rate == pytest.approx(LONGEST_SECONDS, abs=0.2)


def test_sounds_of_which_one_would_clip_are_turned_down_alike(tmp_path):
    paths = [tmp_path / "quiet.wav", tmp_path / "none.wav", tmp_path / "loud.wav"]
    write(paths[0], tone(44_100, 1.0), 44_100)
    write(paths[2], 5 * tone(44_100, 1.0), 44_100)
    quiet, none, loud = sounds(paths)
    assert none is None
    middle = slice(11_025, 33_075)
    levels = [np.sqrt(np.mean(heard(source)[middle] ** 2)) for source in (quiet, loud)]
    assert levels[1] == pytest.approx(LOUDEST / np.sqrt(2), rel=0.1)
    assert levels[1] / levels[0] == pytest.approx(5, rel=0.02)
    assert np.abs(heard(loud)).max() <= 1


def test_sounds_that_do_not_clip_stay_as_loud_as_they_are():
    assert gain_of([]) == gain_of([0.0, 0.5, LOUDEST]) == 1
    assert gain_of([0.5, 2.0]) == LOUDEST / 2


def test_a_replaced_sound_is_encoded_again(tmp_path):
    path = tmp_path / "a.wav"
    write(path, tone(8000, 0.5), 8000)
    first = sound(path)
    assert sound(path) == first
    write(path, tone(8000, 0.7), 8000)
    assert sound(path) != first


def test_there_is_no_player_without_a_file_or_for_nan(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full((100, 2), np.nan), 8000, subtype="FLOAT")
    assert sound(tmp_path / "nan.wav") is None
    assert sound(tmp_path / "none.wav") is None
