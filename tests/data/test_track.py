from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import read
from bsroformer.data.layouts import TrackFormat
from bsroformer.data.layouts.musdb18 import MUSDB_STREAMS, track_in_folder, track_in_stem_mp4
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError

RATE = 44100
STEMS = ("vocals", "drums", "bass", "other")
MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))


def write_stem(path: Path, frames: int = 3000, rate: int = RATE, channels: int = 2) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.stem)).normal(0, 0.1, (frames, channels)).astype(np.float32)
    soundfile.write(path, noise, rate, subtype="PCM_16" if path.suffix == ".flac" else "FLOAT")
    return noise.T


def open_song(path: Path, stems: tuple[str, ...] = STEMS, rate: int = RATE, channels: int = 2) -> Track:
    song = track_in_folder(path, "train") if path.is_dir() else track_in_stem_mp4(path, "train")
    return open_track(song, TrackFormat(stems, rate, channels))


@pytest.fixture
def folder(tmp_path) -> Path:
    for stem in STEMS:
        write_stem(tmp_path / "A Song" / f"{stem}.wav")
    return tmp_path / "A Song"


def test_a_folder_is_a_song_with_a_file_for_each_stem(folder):
    track = open_song(folder)
    assert (track.name, track.split, track.path) == ("A Song", "train", folder)
    assert (track.stems, track.sample_rate, track.channels, track.frames) == (STEMS, RATE, 2, 3000)
    assert torch.equal(track.stem("bass"), read(folder / "bass.wav")[0])


def test_a_musdb_file_is_a_song_with_a_stream_for_each_stem():
    track = open_song(MUSDB_SONG)
    assert (track.name, track.frames) == ("The Easton Ellises - Falcon 69", 268288)
    for stream, stem in enumerate(MUSDB_STREAMS):
        assert torch.equal(track.stem(stem), read(MUSDB_SONG, stream=stream)[0])


def test_the_mixture_of_a_musdb_track_is_its_first_stream():
    track = open_song(MUSDB_SONG)
    residual = track.mixture() - track.all_stems().sum(dim=0)
    assert 0 < residual.square().mean() < 0.05 * track.mixture().square().mean()  # lossy AAC, a mastered mixture


@pytest.mark.parametrize("song", ["folder", "musdb"])
def test_an_excerpt_of_all_stems_is_a_slice_in_their_order(folder, song):
    track = open_song(folder if song == "folder" else MUSDB_SONG)
    excerpt = track.all_stems(start=500, frames=1000)
    assert excerpt.shape == (4, 2, 1000)
    for position, stem in enumerate(STEMS):
        assert torch.equal(excerpt[position], track.stem(stem)[:, 500:1500])
    assert torch.equal(track.mixture(500, 1000), track.mixture()[:, 500:1500])
    assert track.all_stems(start=track.frames - 10, frames=1000).shape == (4, 2, 10)


def test_the_mixture_without_a_file_is_the_sum_of_the_stems(folder):
    assert torch.equal(open_song(folder).mixture(), open_song(folder).all_stems().sum(dim=0))


def test_a_mixture_file_is_the_mixture_as_given(folder):
    mixture = write_stem(folder / "mixture.flac")
    track = open_song(folder)
    assert np.abs(track.mixture().numpy() - mixture).max() < 2**-14
    assert track.all_stems().shape[0] == 4


def test_other_files_than_the_requested_stems_are_ignored(folder):
    (folder / "vocals.txt").write_text("la la la")
    (folder / "._drums.wav").write_text("what macOS leaves behind")
    (folder / "bass.wav").unlink()
    assert open_song(folder, ("vocals", "drums")).all_stems().shape == (2, 2, 3000)


def test_the_shortest_stream_of_a_musdb_file_counts(monkeypatch):
    from bsroformer.data import track_check

    def probe_streams(path: Path) -> list:
        infos = read_headers(path)
        return [*infos[:4], replace(infos[4], frames=200_000, certain=True)]

    read_headers = track_check.probe_streams
    monkeypatch.setattr(track_check, "probe_streams", probe_streams)
    track = open_song(MUSDB_SONG)
    assert track.frames == 200_000
    assert track.all_stems().shape == (4, 2, 200_000)
    assert track.mixture(start=199_990).shape == (2, 10)


def test_a_header_that_promises_too_much_is_not_believed(monkeypatch):
    from bsroformer.data import track_check

    def probe_streams(path: Path) -> list:
        return [replace(info, frames=info.frames + 700) for info in read_headers(path)]

    read_headers = track_check.probe_streams
    monkeypatch.setattr(track_check, "probe_streams", probe_streams)
    track = open_song(MUSDB_SONG)
    assert track.frames == read(MUSDB_SONG)[0].shape[1]
    assert track.all_stems(track.frames - 10, 1000).shape == (4, 2, 10)


@pytest.mark.filterwarnings("ignore:.*is cut off")
@pytest.mark.parametrize("start", [500, 2500])
def test_a_file_that_was_cut_after_opening_ends_the_reading(folder, start):
    track, path = open_song(folder), folder / "bass.wav"
    path.write_bytes(path.read_bytes()[:-12_000])
    assert track.all_stems(0, 500).shape == (4, 2, 500)
    with pytest.raises(InputError, match=r"bass\.wav has 1\d\d\d samples, and had 3000 when it was opened; restore it"):
        track.all_stems(start, 1500)


def test_a_missing_stem_is_reported_with_those_on_disk(folder):
    (folder / "bass.wav").unlink()
    with pytest.raises(InputError, match=r"A Song has .*drums.* but lacks bass; add the missing stems"):
        open_song(folder)
    with pytest.raises(InputError, match=r"Falcon 69\.stem\.mp4 has mixture, drums.* but lacks piano"):
        open_song(MUSDB_SONG, ("piano", "drums"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"rate": 48000}, "48000 Hz in bass"),
        ({"channels": 1}, "1 channel in bass"),
        ({"frames": 0}, "no samples in bass"),
        ({"frames": 2000}, "3000 samples in vocals, 3000 samples in drums, 2000 samples in bass"),
    ],
)
def test_a_stem_unlike_the_others_is_refused(folder, change, found):
    write_stem(folder / "bass.wav", **change)
    with pytest.raises(InputError, match=rf"A Song should have 44100 Hz, 2 channels and one length .*{found}"):
        open_song(folder)


def test_a_musdb_track_of_another_rate_is_refused():
    with pytest.raises(InputError, match=r"should have 48000 Hz.* but has 44100 Hz in mixture"):
        open_song(MUSDB_SONG, rate=48000)


def test_a_duplicate_stem_is_refused(folder):
    write_stem(folder / "bass.flac")
    with pytest.raises(InputError, match=r"A Song has both bass\.flac and bass\.wav; remove one"):
        open_song(folder)


def test_a_stem_file_that_is_not_audio_is_refused(folder):
    (folder / "bass.wav").write_text("not audio")
    with pytest.raises(InputError, match=r"bass\.wav is not an audio file"):
        open_song(folder)


def test_a_stem_mp4_with_too_few_streams_is_refused(tmp_path):
    write_stem(tmp_path / "song.wav")
    (tmp_path / "song.wav").rename(tmp_path / "song.stem.mp4")
    with pytest.raises(InputError, match=r"song\.stem\.mp4 has 1 audio stream where MUSDB18 has 5 \(mixture, "):
        open_song(tmp_path / "song.stem.mp4")


def test_an_unknown_stem_or_start_of_a_track_is_refused(folder):
    with pytest.raises(InputError, match=r"A Song was opened with .*vocals.*, not piano"):
        open_song(folder).stem("piano")
    with pytest.raises(InputError, match="A Song has 3000 samples, so none at 3000; start earlier"):
        open_song(folder).all_stems(start=3000)


def test_a_stem_in_other_case_is_reported_as_such(folder):
    (folder / "vocals.wav").rename(folder / "Vocals.wav")
    with pytest.raises(InputError, match=r"A Song has Vocals instead of vocals; rename it"):
        open_song(folder)
