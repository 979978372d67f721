"""Lengths and excerpts of files, compared with FFmpeg's decode of the whole."""

import shutil
import struct
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bsroformer.audio import flac_frames
from bsroformer.audio.files import blocks, measured, probe, read
from bsroformer.audio.flac_frames import last_flac_sample
from bsroformer.audio.headers import COUNTING, LIBSNDFILE, reader_of
from bsroformer.errors import InputError

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="FFmpeg writes the files and is the judge")

FRAMES = 70_001
FORMATS = {
    "vbr without a tag.mp3": ["-q:a", "2", "-write_xing", "0"],
    "vbr.mp3": ["-q:a", "2"],
    "cbr without a tag.mp3": ["-b:a", "192k", "-write_xing", "0"],
    "a.flac": [],
    "pcm.wav": ["-c:a", "pcm_s16le"],
    "v.ogg": ["-c:a", "libvorbis"],
    "f.ogg": ["-c:a", "flac"],
    "o.opus": ["-c:a", "libopus"],
    "aac.m4a": ["-c:a", "aac"],
    "alac.m4a": ["-c:a", "alac"],
    "alac.caf": ["-c:a", "alac"],
    "mp3.mp4": ["-c:a", "libmp3lame"],
    "vorbis.mp4": ["-c:a", "libvorbis"],
    "wavpack.wv": ["-c:a", "wavpack"],
    "adts.aac": ["-c:a", "aac"],
    "w.webm": ["-c:a", "libopus"],
}
SAME_SAMPLES = {"vbr without a tag.mp3", "vbr.mp3", "cbr without a tag.mp3", "a.flac", "pcm.wav", "f.ogg", "alac.m4a"}


def ffmpeg(*arguments: object) -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def judged(path: Path, channels: int = 2) -> np.ndarray:
    """FFmpeg's decode (c t)."""
    decoded = ffmpeg("-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-ac", channels, "-")
    return np.frombuffer(decoded, np.float32).reshape(-1, channels).T


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A file of each format: noise, then a tone, as bit rates vary."""
    folder = tmp_path_factory.mktemp("made")
    draw = np.random.default_rng(0)
    sound = 0.2 * np.sin(np.arange(FRAMES) / 20)[:, None] * np.ones((1, 2))
    sound[:9000] += draw.normal(0, 0.2, (9000, 2))
    raw = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    (folder / "sound.raw").write_bytes(raw)
    for name, options in FORMATS.items():
        ffmpeg("-f", "s16le", "-ar", 44_100, "-ac", 2, "-i", folder / "sound.raw", *options, folder / name)
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_as_long_as_ffmpegs_decode(made, name):
    expected, (audio, _) = judged(made / name), read(made / name)
    assert audio.shape == expected.shape
    assert measured(probe(made / name)).frames == audio.shape[1]
    if name in SAME_SAMPLES:
        assert np.abs(audio.numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("name", FORMATS)
def test_an_excerpt_is_a_slice_of_the_whole(made, name):
    whole, _ = read(made / name)
    end = whole.shape[1]

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(st.integers(0, end - 1) | st.integers(end - 6000, end - 1), st.integers(1, 9000))
    def holds(start: int, frames: int) -> None:
        assert torch.equal(read(made / name, start, frames)[0], whole[:, start : start + frames])

    holds()
    assert torch.equal(torch.cat(list(blocks(made / name, 7777)), dim=1), whole)


def understated(made: Path, kind: str) -> tuple[bytes, int]:
    """A file whose header states too little, or nothing, and its number of samples."""
    wav, flac, mp3 = ((made / name).read_bytes() for name in ("pcm.wav", "a.flac", "vbr.mp3"))
    size = wav.find(b"data") + 4
    sizes = {"wav ffffffff": 2**32 - 1, "wav 0": 0, "wav wrapped": 4 * FRAMES - 40_000}
    if kind in sizes:
        return wav[:size] + struct.pack("<I", sizes[kind]) + wav[size + 4 :], FRAMES
    if kind.startswith("flac under"):
        stated = int.from_bytes(flac[18:26], "big") - FRAMES // 2
        return flac[:18] + stated.to_bytes(8, "big") + flac[26:], FRAMES
    if kind == "flac joined":
        return flac + flac, 2 * FRAMES
    tag = mp3.find(b"Xing") + 8
    return mp3[:tag] + (20).to_bytes(4, "big") + mp3[tag + 4 :], FRAMES


@pytest.mark.parametrize(
    "kind", ["wav ffffffff", "wav 0", "wav wrapped", "flac understated", "flac joined", "mp3 with a short tag"]
)
def test_nothing_past_the_stated_length_is_lost(made, tmp_path, kind):
    content, frames = understated(made, kind)
    path = tmp_path / f"x.{kind.partition(' ')[0]}"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio, _ = read(path)
        end, _ = read(path, frames - 500, 400)
    assert audio.shape == (2, frames) and measured(probe(path)).frames == frames
    assert torch.equal(end, audio[:, frames - 500 : frames - 100])
    assert audio[:, -1000:].abs().max() > 0.1


def test_joined_mp3s_are_read_to_the_end(made, tmp_path):
    names = "vbr.mp3", "cbr without a tag.mp3"
    path = tmp_path / "joined.mp3"
    path.write_bytes(b"".join((made / name).read_bytes() for name in names))
    assert read(path)[0].shape == judged(path).shape


def test_a_chain_of_ogg_is_read_to_the_end_or_refused(made, tmp_path):
    ffmpeg("-i", made / "pcm.wav", "-ac", 1, "-c:a", "libvorbis", tmp_path / "mono.ogg")
    stereo, mono = (made / "v.ogg").read_bytes(), (tmp_path / "mono.ogg").read_bytes()
    (tmp_path / "same.ogg").write_bytes(stereo + stereo)
    audio, _ = read(tmp_path / "same.ogg")
    assert measured(probe(tmp_path / "same.ogg")).frames == audio.shape[1]
    assert 0 <= audio.shape[1] - 2 * FRAMES <= 1024  # FFmpeg's versions differ by a block of Vorbis at each joint
    (tmp_path / "other.ogg").write_bytes(stereo + mono)
    with pytest.raises(InputError, match=r"other\.ogg is a chain of recordings whose channels or rates differ"):
        read(tmp_path / "other.ogg")


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), b"APETAGEX" + bytes(500)])
@pytest.mark.parametrize("name", ["cbr without a tag.mp3", "vbr.mp3"])
def test_a_whole_mp3_is_not_called_cut(made, tmp_path, name, tail, recwarn):
    (tmp_path / "x.mp3").write_bytes(b"ID3\x03\0\0\0\0\x0f\x76" + bytes(2038) + (made / name).read_bytes() + tail)
    assert read(tmp_path / "x.mp3")[0].shape == judged(made / name).shape
    assert not recwarn


@pytest.mark.parametrize("name", ["vbr.mp3", "a.flac", "pcm.wav"])
def test_a_file_that_is_cut_off_is_reported(made, tmp_path, name):
    path = tmp_path / f"cut{Path(name).suffix}"
    content = (made / name).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.warns(UserWarning, match=r"is cut off or damaged|is damaged"):
        assert 4000 < read(path)[0].shape[1] < FRAMES


@pytest.mark.parametrize("name", ["a.flac", "pcm.wav", "wavpack.wv", "first the index.m4a"])
def test_a_cut_file_is_measured_by_its_readable_samples(made, tmp_path, name):
    whole = made / name
    if not whole.exists():
        ffmpeg("-i", made / "aac.m4a", "-c", "copy", "-movflags", "+faststart", tmp_path / "whole.m4a")
        whole = tmp_path / "whole.m4a"
    content, path = whole.read_bytes(), tmp_path / f"cut{whole.suffix}"
    for end in (len(content) // 2, len(content) - 40):
        path.write_bytes(content[:end])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            audio, _ = read(path)
        assert measured(probe(path)).frames == audio.shape[1] < FRAMES + 1024


def test_every_cut_of_a_flac_is_read_as_far_as_it_goes(made, tmp_path):
    whole, content = read(made / "a.flac")[0], (made / "a.flac").read_bytes()
    for end in range(len(content) // 2, len(content), len(content) // 60):
        (tmp_path / "x.flac").write_bytes(content[:end])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            audio, _ = read(tmp_path / "x.flac")
        assert torch.equal(audio, whole[:, : audio.shape[1]])


def test_a_rate_that_changes_midway_is_refused(made, tmp_path):
    ffmpeg("-i", made / "pcm.wav", "-ar", 48_000, "-c:a", "aac", tmp_path / "other.aac")
    joined = (made / "adts.aac").read_bytes() + (tmp_path / "other.aac").read_bytes()
    (tmp_path / "x.aac").write_bytes(joined)
    with pytest.raises(InputError, match=r"x\.aac changes from 44100 Hz to 48000 Hz midway"):
        read(tmp_path / "x.aac")


def test_a_jump_of_time_stamps_takes_no_memory(made, tmp_path):
    content = bytearray((made / "alac.m4a").read_bytes().replace(b"edts", b"free"))  # an edit list would hide it
    table = content.find(b"stts") + 8
    assert struct.unpack_from(">I", content, table)[0] > 0
    struct.pack_into(">I", content, table + 8, 2**28)  # samples in each packet of the first run
    (tmp_path / "x.m4a").write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(InputError, match=r"time stamps jump from sample"):
        warnings.simplefilter("ignore")
        for block in blocks(tmp_path / "x.m4a", 2**16):
            assert block.shape[1] <= 2**16


def test_the_last_frame_of_a_flac_is_found(made):
    assert last_flac_sample((made / "a.flac").read_bytes()[-60_000:], 4608) == FRAMES


def test_frames_in_order_spare_the_search_of_a_long_flac(made, tmp_path, monkeypatch):
    monkeypatch.setattr(flac_frames, "MAX_SEARCHED_BYTES", 1000)
    content = (made / "a.flac").read_bytes()
    middle = len(content) // 2
    decoy = content[:middle] + b"fLaC\0\0\0\x22" + content[middle:]  # which a search would take for a second file
    files = {"decoy.flac": decoy, "twice.flac": content + content, "cut.flac": content + content[:middle]}
    for name, written in files.items():
        (tmp_path / name).write_bytes(written)
    assert [reader_of(tmp_path / name) for name in files] == [LIBSNDFILE, COUNTING, COUNTING]
