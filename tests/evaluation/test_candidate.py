import pytest

from bsroformer.audio.writer import write
from bsroformer.errors import InputError
from bsroformer.evaluation import Candidate
from bsroformer.evaluation.candidate import resolve_methods
from support.rehearsal import RATE, STEMS, Leaky, make_song

SONG = make_song(0)


def model(stems=STEMS):
    return Candidate(Leaky([SONG], stems=stems), "settings")


def names(found):
    return [method.name for method in found.methods]


def test_floor_candidates_and_ceilings_are_in_this_order():
    found = resolve_methods({"a": model(), "b": model()}, [SONG.entry], bounds=("IRM2", "mixture", "IRM1"))
    assert names(found) == ["mixture", "a", "b", "IRM2", "IRM1"]
    assert found.stems == STEMS


def test_without_bounds_only_what_is_evaluated_is_scored():
    assert names(resolve_methods({"a": model()}, [SONG.entry], bounds=())) == ["a"]


def test_models_and_folders_are_scored_on_common_stems(tmp_path):
    for stem in ("Bass", "vocals", "instrumental"):
        write(tmp_path / "Song 0" / f"{stem}.wav", SONG.audio[0], RATE)
    found = resolve_methods({"a": model(), "theirs": Candidate(tmp_path)}, [SONG.entry])
    assert found.stems == ("vocals", "bass")
    alone = resolve_methods({"theirs": Candidate(tmp_path)}, [SONG.entry], stems=["accompaniment"])
    assert alone.stems == ("accompaniment",)


def test_a_bound_that_is_named_twice_is_scored_once():
    assert names(resolve_methods({"a": model()}, [SONG.entry], bounds=("IRM1", "IRM1"))) == ["a", "IRM1"]


def test_unknown_bounds_clashes_and_other_rates_are_refused():
    with pytest.raises(InputError, match=r"bounds names IRM3; choose from mixture, IRM1, IRM2"):
        resolve_methods({"a": model()}, [SONG.entry], bounds=("IRM3",))
    with pytest.raises(InputError, match=r"mixture is the name of a bound"):
        resolve_methods({"mixture": model()}, [SONG.entry])
    with pytest.raises(InputError, match=r"'a/b' cannot be the name of a folder"):
        resolve_methods({"a/b": model()}, [SONG.entry])
    other = model()
    other.source.sample_rate = 44100
    with pytest.raises(InputError, match=r"a separates 44100 Hz, and the songs have 1000; resample them"):
        resolve_methods({"a": other}, [SONG.entry])
    with pytest.raises(InputError, match=r"no song to evaluate"):
        resolve_methods({"a": model()}, [])
