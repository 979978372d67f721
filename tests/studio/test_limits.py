import pytest
import soundfile
import torch

from bsroformer.errors import InputError
from bsroformer.studio.limits import Limits, check_quality


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, torch.zeros(80_000, 2).numpy(), 8000)
    return path


def test_a_song_within_the_limits_is_taken_and_its_length_known(song):
    assert Limits().length_of(song, "song.wav") == 10


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(megabytes=0.1), r"^song\.wav is larger than 0\.1 MB"),
        (Limits(minutes=0.1), r"^song\.wav is longer than 0\.1 minutes"),
    ],
)
def test_a_song_beyond_a_limit_is_refused_by_its_name(song, limits, told):
    with pytest.raises(InputError, match=told):
        limits.length_of(song, "song.wav")


def test_stems_take_a_float_of_each_sample_and_what_is_heard(song):
    assert Limits().stems_size(song, 10, stems=4) == 80_000 * 2 * 5 * (4 + 1)
    assert Limits(minutes=1).stems_size(song, None, stems=4) == 6 * Limits().stems_size(song, 10, stems=4)


def test_what_is_no_sound_is_refused(tmp_path):
    (tmp_path / "notes.mp3").write_text("not a song")
    with pytest.raises(InputError, match=r"notes\.mp3"):
        Limits().length_of(tmp_path / "notes.mp3", "notes.mp3")


def test_an_upload_that_was_deleted_meanwhile_is_asked_for_again(tmp_path):
    with pytest.raises(InputError, match=r"^song\.wav was deleted here.*drop it again$"):
        Limits().length_of(tmp_path / "0123.wav", "song.wav")


@pytest.mark.parametrize("key", ["megabytes", "minutes", "songs", "keep_minutes"])
def test_a_limit_of_nothing_is_refused(key):
    with pytest.raises(InputError, match=rf"limits\.{key}=0"):
        Limits(**{key: 0})


@pytest.mark.parametrize("seconds", [20 * 60, None])
def test_a_long_song_may_be_computed_as_often_as_at_best_quality_and_not_more(seconds):
    limits = Limits(minutes=20)
    limits.check_work(seconds, 8, "song.wav")
    with pytest.raises(InputError, match=r"^song\.wav is too long to compute each sample 64 times"):
        limits.check_work(seconds, 64, "song.wav")
    limits.check_work(2 * 60, 64, "song.wav")


@pytest.mark.parametrize(("overlap", "shifts"), [(0.999, 1), (-0.5, 1), (float("nan"), 1), (0.5, 0), (0.5, 1000)])
def test_nobody_can_ask_for_a_separation_without_end(overlap, shifts):
    with pytest.raises(InputError, match=r"must be a (whole )?number from"):
        check_quality(overlap, shifts)
