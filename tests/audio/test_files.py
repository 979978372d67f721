from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import MAX_SAMPLE, blocks, probe, probe_streams, read
from bsroformer.errors import InputError

RATE = 44100
MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))


@pytest.fixture
def wav(tmp_path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (100_000, 2)), RATE, subtype="FLOAT")
    return path


def test_a_file_is_read_as_float32_with_channels_first(wav):
    audio, rate = read(wav)
    assert audio.is_contiguous()
    assert (audio.dtype, audio.shape, rate) == (torch.float32, (2, 100_000), RATE)
    assert np.array_equal(audio.numpy().T, soundfile.read(wav, dtype="float32")[0])


@pytest.mark.parametrize(("path", "stream"), [("wav", 0), ("musdb", 3)])
@pytest.mark.parametrize(("start", "frames"), [(0, 1), (7, 32768), (40_000, 50_001), (99_999, 1)])
def test_an_excerpt_is_a_slice_of_the_whole(wav, path, stream, start, frames):
    path = wav if path == "wav" else MUSDB_SONG
    whole, _ = read(path, stream=stream)
    assert torch.equal(read(path, start, frames, stream)[0], whole[:, start : start + frames])


def test_an_excerpt_past_the_end_is_shorter(wav):
    assert torch.equal(read(wav, 99_000, 5_000)[0], read(wav)[0][:, 99_000:])


@pytest.mark.parametrize("size", [1, 10_000, 32_768, 50_000, 33_333, 200_000])
def test_blocks_of_the_given_size_join_to_the_whole(tmp_path, size):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (min(100_000, 100 * size), 2)), RATE)
    parts = list(blocks(path, size))
    assert torch.equal(torch.cat(parts, dim=1), read(path)[0])
    assert all(part.shape == (2, size) for part in parts[:-1])
    assert 1 <= parts[-1].shape[1] <= size


def test_blocks_of_one_stream_of_a_stem_file_join_to_that_stream():
    assert torch.equal(torch.cat(list(blocks(MUSDB_SONG, 44_100, 2)), dim=1), read(MUSDB_SONG, stream=2)[0])


def test_each_stream_is_described_as_probe_does():
    assert probe_streams(MUSDB_SONG) == [probe(MUSDB_SONG, stream) for stream in range(5)]


def test_a_missing_stream_is_reported_with_the_existing_ones(wav):
    with pytest.raises(InputError, match=r"has 5 audio streams, so there is no stream 5; the stream must be in 0 to 4"):
        read(MUSDB_SONG, stream=5)
    with pytest.raises(InputError, match=r"song.wav has 1 audio stream, so there is no stream 1; the stream must be 0"):
        probe(wav, stream=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_reported_by_position(tmp_path, bad):
    audio = np.zeros((70_000, 2), dtype=np.float32)
    audio[50_000, 1] = bad
    soundfile.write(tmp_path / "bad.wav", audio, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"bad\.wav holds NaN or infinite values, the first at sample 50000"):
        read(tmp_path / "bad.wav", start=40_000)
    with pytest.raises(InputError, match="sample 50000"):
        list(blocks(tmp_path / "bad.wav", 1000))
    assert read(tmp_path / "bad.wav", frames=30_000)[0].shape == (2, 30_000)


def test_a_file_without_samples_and_a_late_start_are_reported(tmp_path, wav):
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), RATE)
    for reading in (lambda path: read(path), lambda path: list(blocks(path, 10))):
        with pytest.raises(InputError, match=r"none\.wav holds no samples; record or export it again"):
            reading(tmp_path / "none.wav")
    with pytest.raises(InputError, match=r"song\.wav ends before sample 100000.*; start earlier"):
        read(wav, start=100_000)
    with pytest.raises(InputError, match="ends before sample 999999"):
        read(MUSDB_SONG, start=999_999)
    with pytest.raises(InputError, match=r"song\.wav needs start >= 0 and frames >= 1"):
        read(wav, start=-1)


@pytest.mark.parametrize("value", [1e38, -1e13])
def test_samples_no_program_writes_are_refused(tmp_path, value):
    audio = np.zeros((9000, 2), np.float32)
    audio[7000, 1] = value
    soundfile.write(tmp_path / "x.wav", audio, RATE, "FLOAT")
    for reading in (lambda: read(tmp_path / "x.wav", 5000), lambda: list(blocks(tmp_path / "x.wav", 1000))):
        with pytest.raises(InputError, match=r"x\.wav holds samples as large as 1e\+\d\d where .* 7000;"):
            reading()


def test_floats_of_any_integer_scale_are_read(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.full((10, 2), 2.0**31, np.float32), RATE, "FLOAT")
    assert read(tmp_path / "x.wav")[0].max() == 2.0**31 < MAX_SAMPLE
