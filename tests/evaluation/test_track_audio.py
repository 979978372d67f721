import pytest
import torch

from bsroformer.audio.writer import write
from bsroformer.errors import InputError
from bsroformer.evaluation import TrackEntry, read_track, songs_in
from bsroformer.evaluation.track_audio import STEMS

RATE = 8000


def make_song(folder, seconds=1.0, mixture=False):
    stems = torch.randn(4, 2, int(seconds * RATE), generator=torch.Generator().manual_seed(0)) / 10
    for name, audio in zip(STEMS, stems, strict=True):
        write(folder / f"{name}.wav", audio, RATE)
    if mixture:
        write(folder / "mixture.wav", 2 * stems.sum(dim=0), RATE)
    return stems


def opened(root, **choices):
    (entry,) = songs_in(root, sample_rate=RATE, **choices)
    return entry.open()


def test_a_song_is_read_with_stems_in_the_requested_order(tmp_path):
    stems = make_song(tmp_path / "test" / "Song", mixture=True)
    song = read_track(opened(tmp_path), ("bass", "vocals"), RATE)
    assert (song.name, song.split, song.stems) == ("Song", "test", ("bass", "vocals"))
    assert torch.equal(song.targets, stems[[2, 0]])
    assert torch.equal(song.sources, stems)
    torch.testing.assert_close(song.mixture, 2 * stems.sum(dim=0))


def test_without_a_mixture_it_is_the_sum_of_the_stems(tmp_path):
    stems = make_song(tmp_path / "test" / "Song")
    torch.testing.assert_close(read_track(opened(tmp_path), STEMS, RATE).mixture, stems.sum(dim=0))


def test_the_accompaniment_is_the_sum_of_all_but_the_vocals(tmp_path):
    stems = make_song(tmp_path / "test" / "Song")
    song = read_track(opened(tmp_path), ("vocals", "accompaniment"), RATE)
    torch.testing.assert_close(song.targets, torch.stack([stems[0], stems[1:].sum(dim=0)]))


def test_songs_of_a_split_are_listed_without_opening(tmp_path):
    make_song(tmp_path / "train" / "A")
    (tmp_path / "test" / "Broken").mkdir(parents=True)
    (tmp_path / "test" / "Broken" / "vocals.wav").write_bytes(b"no audio")
    (train,), (test,) = songs_in(tmp_path, "train", sample_rate=RATE), songs_in(tmp_path, sample_rate=RATE)
    assert (train.name, train.split, train.stems, train.sample_rate) == ("A", "train", STEMS, RATE)
    assert [path.name for path in train.paths] == ["bass.wav", "drums.wav", "other.wav", "vocals.wav"]
    with pytest.raises(InputError, match="Broken"):
        test.open()


def test_an_open_track_is_an_entry_of_the_same_files(tmp_path):
    make_song(tmp_path / "test" / "Song")
    (entry,) = songs_in(tmp_path, sample_rate=RATE)
    again = TrackEntry.of_track(entry.open())
    assert (again.name, again.split, again.paths, again.stems) == (entry.name, entry.split, entry.paths, entry.stems)


def test_another_rate_or_a_missing_stem_is_refused_by_path(tmp_path):
    make_song(tmp_path / "test" / "Song")
    track = opened(tmp_path)
    with pytest.raises(InputError, match=r"Song has 8000 Hz, and the evaluation 44100; resample"):
        read_track(track, STEMS, 44100)
    with pytest.raises(InputError, match=r"Song has the stems vocals, drums, bass, other but not piano"):
        read_track(track, ("piano",), RATE)
    without_vocals = opened(tmp_path, stems=("drums", "bass"))
    with pytest.raises(InputError, match=r"Song has the stems drums, bass but not vocals"):
        read_track(without_vocals, ("accompaniment",), RATE)
