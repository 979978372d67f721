import base64
import io

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import write
from bsroformer.report.media import LONGEST_SECONDS, picture, sound


def decoded(uri: str) -> tuple[str, bytes]:
    head, _, data = uri.partition(",")
    return head, base64.b64decode(data)


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
    heard, found = soundfile.read(io.BytesIO(data), always_2d=True)
    assert (found, heard.shape[1]) == (rate, channels)
    level = np.sqrt(np.mean(heard[rate // 4 : rate // 2] ** 2))
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_long_sound_is_cut(tmp_path):
    write(tmp_path / "a.wav", tone(8000, LONGEST_SECONDS + 5), 8000)
    heard, rate = soundfile.read(io.BytesIO(decoded(sound(tmp_path / "a.wav"))[1]))
    assert len(heard) / rate == pytest.approx(LONGEST_SECONDS, abs=0.2)


def test_a_sound_that_was_replaced_is_encoded_anew(tmp_path):
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
    assert picture(tmp_path / "none.png") is None


def test_a_picture_is_its_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG...")
    assert decoded(picture(tmp_path / "a.png")) == ("data:image/png;base64", b"\x89PNG...")
