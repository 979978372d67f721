import threading
import weakref
from dataclasses import replace

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.evaluation import Candidate, StemsWriter, begin, evaluator_of, with_stems_kept
from support.rehearsal import Leaky, make_song


def songs_of(*seconds):
    return [make_song(number, length) for number, length in enumerate(seconds)]


def evaluator(songs, separator=None, settings="s", **choices):
    separator = separator or Leaky(songs)
    return evaluator_of({"leaky": Candidate(separator, settings)}, [song.entry for song in songs], **choices)


def test_every_song_has_scores_from_floor_to_ceiling():
    songs = songs_of(2.0, 3.0)
    results = evaluator(songs).run([song.entry for song in songs])
    assert [evaluation.method for evaluation in results.evaluations] == ["mixture", "leaky", "IRM2"]
    assert [evaluation.kind for evaluation in results.evaluations] == ["mixture", "model", "oracle"]
    for evaluation in results.evaluations:
        assert [song.song for song in evaluation.songs] == ["Song 0", "Song 1"]
    assert not results.failures


def test_songs_are_in_the_order_of_their_names():
    songs = songs_of(2.0, 3.0, 4.0)
    entries = [song.entry for song in reversed(songs)]
    results = evaluator(songs, workers=3).run(entries)
    assert [song.song for song in results["leaky"].songs] == ["Song 0", "Song 1", "Song 2"]


def test_workers_change_no_score():
    songs = songs_of(2.0, 3.0, 4.0, 5.0)
    entries = [song.entry for song in songs]
    one, three = (evaluator(songs, workers=workers).run(entries) for workers in (1, 3))
    assert repr(one) == repr(three)


def test_the_model_has_one_thread_and_scoring_has_others():
    songs, seen = songs_of(2.0, 3.0), set()

    class Watched(Leaky):
        def stream(self, mixture):
            seen.add(("separates", threading.current_thread().name))
            return super().stream(mixture)

    def keep(method, song, estimates, scores):
        seen.add(("scores", threading.current_thread().name.partition("_")[0]))

    run = evaluator(songs, Watched(songs), workers=2)
    replace(run, on_estimates=[keep]).run([song.entry for song in songs])
    assert seen == {("separates", threading.current_thread().name), ("scores", "scores")}


def test_a_song_is_separated_while_the_last_one_is_scored():
    songs = songs_of(2.0, 3.0)
    next_one, waited = threading.Event(), []

    class Watched(Leaky):
        def stream(self, mixture):
            if len(self.separated) == 1:
                next_one.set()
            return super().stream(mixture)

    def keep(method, song, estimates, scores):
        if song.name == "Song 0" and method.name == "mixture":  # before its model and oracle are scored
            waited.append(next_one.wait(10))

    replace(evaluator(songs, Watched(songs)), on_estimates=[keep]).run([song.entry for song in songs])
    assert waited == [True]


def test_only_so_many_songs_are_in_memory():
    songs, alive, most = [make_song(n, 1 + n / 10) for n in range(12)], weakref.WeakSet(), []

    def keep(method, song, estimates, scores):
        alive.add(song)
        most.append(len(alive))

    run = evaluator(songs, workers=1, bounds=())
    replace(run, on_estimates=[keep]).run([song.entry for song in songs])
    assert len(most) == 12
    assert max(most) <= 3  # scored by one worker, waiting for it, and let go in a moment


def test_an_unreadable_song_fails_and_the_others_are_scored():
    songs = songs_of(2.0, 3.0)

    def damaged():
        raise InputError("Song 0 is damaged; copy it again.")

    entries = [replace(songs[0].entry, open=damaged), songs[1].entry]
    results = evaluator(songs).run(entries)
    assert [(failure.song, failure.method, failure.reason) for failure in results.failures] == [
        ("Song 0", None, "Song 0 is damaged; copy it again.")
    ]
    assert all([song.song for song in evaluation.songs] == ["Song 1"] for evaluation in results.evaluations)


def test_nan_from_a_model_is_a_failure_and_not_a_silent_stem():
    songs = songs_of(2.0, 3.0)

    class Broken(Leaky):
        def stream(self, mixture):
            for stems in super().stream(mixture):
                yield stems * (torch.nan if self.separated[-1] == "Song 0" else 1)

    results = evaluator(songs, Broken(songs)).run([song.entry for song in songs])
    (failure,) = results.failures
    assert (failure.song, failure.method) == ("Song 0", "leaky")
    assert "NaN" in failure.reason
    assert [len(evaluation.songs) for evaluation in results.evaluations] == [2, 1, 2]


def test_every_score_is_reported_with_the_progress():
    songs, reported = songs_of(2.0, 3.0), []
    run = evaluator(songs)
    replace(run, on_scores=lambda found, method, scores: reported.append((found.done, method, scores.song))).run(
        [song.entry for song in songs]
    )
    assert [done for done, _, _ in reported] == [1, 2, 3, 4, 5, 6]
    assert {(method, song) for _, method, song in reported} == {
        (method, song.name) for method in ("mixture", "leaky", "IRM2") for song in songs
    }


def test_cached_scores_are_not_computed_again(tmp_path):
    songs = songs_of(2.0, 3.0)
    entries = [song.entry for song in songs]
    first = evaluator(songs, folder=tmp_path).run(entries)
    separator = Leaky(songs)
    again = evaluator(songs, separator, folder=tmp_path).run(entries)
    assert separator.separated == []
    assert [song.reads for song in songs] == [["Song 0"], ["Song 1"]]
    assert repr(again) == repr(first)


def test_a_stopped_evaluation_resumes_with_the_next_song(tmp_path):
    songs = songs_of(2.0, 3.0, 4.0)
    entries = [song.entry for song in songs]

    class Ended(Leaky):
        def stream(self, mixture):
            if len(self.separated) == 2:
                raise KeyboardInterrupt
            return super().stream(mixture)

    with pytest.raises(KeyboardInterrupt):
        evaluator(songs, Ended(songs), folder=tmp_path).run(entries)
    separator = Leaky(songs)
    results = evaluator(songs, separator, folder=tmp_path).run(entries)
    assert "Song 0" not in separator.separated
    assert repr(results) == repr(evaluator(songs).run(entries))


@pytest.mark.parametrize("changed", ["settings", "stems", "no settings"])
def test_scores_of_other_settings_are_computed_again(tmp_path, changed):
    songs = songs_of(2.0)
    entries = [song.entry for song in songs]
    evaluator(songs, folder=tmp_path).run(entries)
    separator = Leaky(songs)
    settings = {"settings": "other", "no settings": None}.get(changed, "s")
    stems = ("vocals", "bass") if changed == "stems" else None
    evaluator(songs, separator, settings, stems=stems, folder=tmp_path).run(entries)
    assert separator.separated == ["Song 0"]


def test_a_truncated_file_of_scores_is_rewritten(tmp_path):
    songs = songs_of(2.0)
    entries = [song.entry for song in songs]
    first = evaluator(songs, folder=tmp_path).run(entries)
    path = tmp_path / "songs" / "leaky" / "Song 0.json"
    whole = path.read_text("utf-8")
    for torn in ("", whole[: len(whole) // 2], "[]", "{}"):
        path.write_text(torn, "utf-8")
        assert repr(evaluator(songs, folder=tmp_path).run(entries)) == repr(first)
        assert path.read_text("utf-8") == whole


def test_overwriting_scores_every_song_again(tmp_path):
    songs = songs_of(2.0)
    entries = [song.entry for song in songs]
    evaluator(songs, folder=tmp_path).run(entries)
    separator = Leaky(songs)
    run = evaluator(songs, separator, folder=tmp_path)
    begin(run, entries, overwrite=True)
    run.run(entries)
    assert separator.separated == ["Song 0"]


def test_scores_of_illegal_file_names_are_cached(tmp_path):
    song = make_song(0, name='A/B: "Ça" <live>?')
    run = evaluator([song], folder=tmp_path)
    first = run.run([song.entry])
    separator = Leaky([song])
    assert repr(evaluator([song], separator, folder=tmp_path).run([song.entry])) == repr(first)
    assert separator.separated == []
    assert len(list((tmp_path / "songs" / "leaky").iterdir())) == 1


def test_a_full_disk_ends_the_evaluation_in_a_sentence(tmp_path):
    songs = songs_of(2.0)
    (tmp_path / "songs").write_text("in the way")
    run = evaluator(songs, folder=tmp_path)
    with pytest.raises(InputError, match=r"songs.* cannot be written"):
        run.run([song.entry for song in songs])


def test_a_mixture_of_another_length_than_its_stems_is_cut():
    song = make_song(0, 3.0)
    whole = song.mixture()
    song.mixture = lambda: torch.nn.functional.pad(whole, (0, 7))
    results = evaluator([song]).run([song.entry])
    assert results["leaky"].songs[0].seconds == 3.0
    assert results["leaky"].songs[0].score("vocals", "SI-SDR") > 10


def test_scores_of_other_weights_go_and_other_songs_stay(tmp_path):
    songs = songs_of(2.0, 3.0)
    entries = [song.entry for song in songs]
    evaluator(songs, folder=tmp_path).run(entries)
    museval = tmp_path / "museval" / "leaky" / "test"
    same = evaluator(songs, folder=tmp_path)
    begin(same, entries[:1])
    assert {path.stem for path in museval.iterdir()} == {"Song 0", "Song 1"}
    other = evaluator(songs, settings="other", folder=tmp_path)
    begin(other, entries[:1])
    other.run(entries[:1])
    assert [path.stem for path in museval.iterdir()] == ["Song 0"]
    assert [path.stem for path in (tmp_path / "songs" / "leaky").iterdir()] == ["Song 0"]
    assert {path.stem for path in (tmp_path / "songs" / "mixture").iterdir()} == {"Song 0", "Song 1"}


def test_excerpts_of_songs_that_were_not_chosen_stay(tmp_path):
    songs = songs_of(2.0, 3.0, 4.0)
    entries = [song.entry for song in songs]
    evaluator(songs, folder=tmp_path).run(entries)
    begin(evaluator(songs, folder=tmp_path), entries[:1])
    assert len(list((tmp_path / "excerpts" / "leaky").glob("Song*"))) == 3


def test_a_song_without_written_stems_is_scored_again(tmp_path):
    songs = songs_of(2.0)
    entries = [song.entry for song in songs]
    evaluator(songs, folder=tmp_path).run(entries)
    separator = Leaky(songs)
    run = with_stems_kept(evaluator(songs, separator, folder=tmp_path), StemsWriter(tmp_path / "stems"))
    run.run(entries)
    run.run(entries)
    assert separator.separated == ["Song 0"]
    assert len(list((tmp_path / "stems" / "leaky" / "Song 0").iterdir())) == 3


def test_a_mark_is_taken_before_its_song_is_read(tmp_path):
    """Files that are replaced while they are scored must not get their old scores."""
    path = tmp_path / "file"
    path.write_text("old")
    song = make_song(0, 2.0)

    def read_and_replaced():
        path.write_text("newer")
        return song

    entry = replace(song.entry, paths=(path,), open=read_and_replaced)
    evaluator([song], folder=tmp_path / "out").run([entry])
    separator = Leaky([song])
    evaluator([song], separator, folder=tmp_path / "out").run([entry])
    assert separator.separated == ["Song 0"]
