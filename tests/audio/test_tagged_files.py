"""Tags, zeros and silence around the audio of a file, compared with FFmpeg's decode without them."""

import shutil
import struct
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import measured, probe, read

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="FFmpeg writes the files and is the judge")

RATE, FRAMES = 44_100, 50_001
ID3V2 = b"ID3\x03\0\0\0\0\x0f\x76" + bytes(2038)
ID3V1 = b"TAG" + b"A title".ljust(125, b"\0")
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 6000, 1, 0x80000000) + bytes(8) + b"\x55" * 6000
FILES = {
    "a.wav": ["-c:a", "pcm_s16le"],
    "a.flac": ["-c:a", "flac"],
    "cbr.mp3": ["-b:a", "192k", "-write_xing", "0", "-id3v2_version", "0"],
    "a.oga": ["-c:a", "flac"],
    "48.opus": ["-c:a", "libopus"],
    "24.opus": ["-c:a", "libopus", "-ar", "24000"],
}


def ffmpeg(*arguments: object) -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def judged(path: Path) -> torch.Tensor:
    """FFmpeg's decode (c t)."""
    decoded = ffmpeg("-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-")
    return torch.from_numpy(np.frombuffer(decoded, np.float32).reshape(-1, 2).T.copy())


def read_quietly(path: Path) -> torch.Tensor:
    """Samples of a file, which has the length in its header and causes no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio, _ = read(path)
    assert measured(probe(path)).frames == audio.shape[1]
    return audio


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A file of each format, of noise."""
    folder = tmp_path_factory.mktemp("made")
    noise = np.random.default_rng(0).normal(0, 0.1, (FRAMES, 2))
    soundfile.write(folder / "noise.wav", noise, RATE, "PCM_16")
    for name, options in FILES.items():
        ffmpeg("-i", folder / "noise.wav", *options, folder / name)
    return folder


@pytest.mark.parametrize("tail", [ID3V1, APE, ID3V2, bytes(9000), b"\x93junk!" * 50])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_bytes_after_the_samples_are_not_decoded(made, tmp_path, name, tail):
    path = tmp_path / name
    path.write_bytes((made / name).read_bytes() + tail)
    assert torch.equal(read_quietly(path), judged(made / name))


@pytest.mark.parametrize("head", [ID3V2, APE])
@pytest.mark.parametrize("tail", [b"", ID3V1, bytes(3000)])
def test_tags_around_an_mp3_leave_its_excerpts_right(made, tmp_path, head, tail):
    path = tmp_path / "x.mp3"
    path.write_bytes(head + (made / "cbr.mp3").read_bytes() + tail)
    audio = read_quietly(path)
    assert audio.shape == judged(made / "cbr.mp3").shape
    for start in (1000, audio.shape[1] - 5000, audio.shape[1] - 700):
        assert torch.equal(read(path, start, 600)[0], audio[:, start : start + 600])


@pytest.mark.parametrize("kind", ["understated", "joined"])
def test_a_flac_after_an_id3_tag_is_read_to_its_end(made, tmp_path, kind):
    flac = (made / "a.flac").read_bytes()
    stated = (int.from_bytes(flac[18:26], "big") - FRAMES // 2).to_bytes(8, "big")
    content = flac + flac if kind == "joined" else flac[:18] + stated + flac[26:]
    path = tmp_path / "x.flac"
    path.write_bytes(ID3V2 + content)
    expected = judged(made / "a.flac")
    expected = torch.cat([expected, expected], dim=1) if kind == "joined" else expected
    assert torch.equal(read_quietly(path), expected)


def test_excerpts_of_flac_in_ogg_are_slices_of_the_whole(made):
    whole = read_quietly(made / "a.oga")
    assert torch.equal(whole, judged(made / "a.oga"))
    for start in (1, FRAMES - 9000, FRAMES - 5000, FRAMES - 700, FRAMES - 1):
        assert torch.equal(read(made / "a.oga", start, 4000)[0], whole[:, start : start + 4000])


def test_opus_of_two_original_rates_is_one_recording(made, tmp_path):
    parts = [made / "48.opus", made / "24.opus"]
    path = tmp_path / "x.opus"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert read_quietly(path).shape[1] == pytest.approx(sum(judged(part).shape[1] for part in parts), abs=1000)


def test_silence_where_a_wav_wraps_does_not_end_it(made, tmp_path):
    content = bytearray((made / "a.wav").read_bytes())
    size = content.index(b"data") + 4
    stated = 4 * (FRAMES - 20_000)
    content[size : size + 4] = struct.pack("<I", stated)
    pause = slice(size + 4 + stated, size + 4 + stated + 9000)
    content[pause] = bytes(9000)
    (tmp_path / "x.wav").write_bytes(content)
    expected = np.frombuffer(content[size + 4 : size + 4 + 4 * FRAMES], "<i2").reshape(-1, 2).T / np.float32(2**15)
    assert np.array_equal(read_quietly(tmp_path / "x.wav").numpy(), expected)


@pytest.mark.parametrize("rate", [44_100, 22_050, 8000])
def test_a_cbr_mp3_that_ends_within_a_frame_is_cut(made, tmp_path, rate):
    whole = tmp_path / "whole.mp3"
    ffmpeg("-i", made / "a.wav", "-ar", rate, "-b:a", "64k", "-write_xing", "0", whole)
    read_quietly(whole)
    (tmp_path / "x.mp3").write_bytes(whole.read_bytes()[:-50])
    with pytest.warns(UserWarning, match=r"x\.mp3 is cut off or damaged: its last frame is incomplete"):
        read(tmp_path / "x.mp3")
