import pytest
import soundfile
import torch

from bsroformer.audio.files import probe
from bsroformer.errors import InputError
from bsroformer.studio.limits import Limits, check_quality


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, torch.zeros(80_000, 2).numpy(), 8000)
    return path


def test_a_song_within_the_limits_is_taken_and_its_length_known(song):
    Limits().check_file(song, "song.wav")
    assert Limits().length_of(probe(song), "song.wav") == 10


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(megabytes=0.1), r"^song\.wav is larger than 0\.1 MB"),
        (Limits(minutes=0.1), r"^song\.wav is longer than 0\.1 minutes"),
    ],
)
def test_a_song_beyond_a_limit_is_refused_by_its_name(song, limits, message):
    with pytest.raises(InputError, match=message):
        limits.check_file(song, "song.wav")
        limits.length_of(probe(song), "song.wav")


def test_the_size_of_stems_includes_their_preview(song):
    audio = probe(song)
    assert Limits().stems_size(audio, 10, stems=4) == 80_000 * 2 * 5 * (4 + 1)
    assert Limits(minutes=1).stems_size(audio, None, stems=4) == 6 * Limits().stems_size(audio, 10, stems=4)


def test_an_expired_upload_is_requested_again(tmp_path):
    with pytest.raises(InputError, match=r"^the upload of song\.wav has expired; upload it again$"):
        Limits().check_file(tmp_path / "0123.wav", "song.wav")


@pytest.mark.parametrize("key", ["megabytes", "minutes", "songs", "keep_minutes"])
def test_a_limit_of_nothing_is_refused(key):
    with pytest.raises(InputError, match=rf"limits\.{key} must be above 0, got 0"):
        Limits(**{key: 0})


@pytest.mark.parametrize("seconds", [20 * 60, None])
def test_a_long_song_allows_the_work_of_best_quality(seconds):
    limits = Limits(minutes=20)
    limits.check_work(seconds, 8, "song.wav")
    with pytest.raises(InputError, match=r"^song\.wav is too long to compute each sample 64 times"):
        limits.check_work(seconds, 64, "song.wav")
    limits.check_work(2 * 60, 64, "song.wav")


@pytest.mark.parametrize(("overlap", "shifts"), [(0.999, 1), (-0.5, 1), (float("nan"), 1), (0.5, 0), (0.5, 1000)])
def test_endless_separations_are_refused(overlap, shifts):
    with pytest.raises(InputError, match=r"must be a (whole )?number from"):
        check_quality(overlap, shifts)
