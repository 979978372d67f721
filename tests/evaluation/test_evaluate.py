import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import bsroformer
from bsroformer.audio.writer import write
from bsroformer.errors import InputError
from bsroformer.metrics import bss_eval_available, resolve_metrics
from support.rehearsal import RATE, Leaky, make_song

TWO = ("vocals", "drums")  # half the unknowns of four stems, and an eighth of the work
SONGS = [make_song(0, 2.0), make_song(1, 3.0)]
ENTRIES = [song.entry for song in SONGS]


def test_a_separator_is_evaluated_between_floor_and_ceiling():
    results = bsroformer.evaluate(Leaky(SONGS), ENTRIES)
    assert [evaluation.method for evaluation in results.evaluations] == ["mixture", "model", "IRM2"]
    assert results["model"].metrics == ("cSDR", "uSDR", "SI-SDR")
    assert all(of["SI-SDR"] > 10 for of in results["model"].scores.values())


def test_a_name_may_stand_for_a_list_of_one():
    results = bsroformer.evaluate(Leaky(SONGS), ENTRIES, stems="vocals", metrics="uSDR", bounds="mixture")
    assert [evaluation.method for evaluation in results.evaluations] == ["mixture", "model"]
    assert results["model"].scores.keys() == {"vocals"}
    assert results["model"].metrics == ("uSDR",)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match=r"workers=0 must be 1 or more"):
        bsroformer.evaluate(Leaky(SONGS), ENTRIES, workers=0)


def test_plots_of_metrics_that_are_not_asked_for_any_more_go(tmp_path):
    bsroformer.evaluate(Leaky(SONGS), ENTRIES, metrics=["uSDR", "cSDR"], folder=tmp_path)
    bsroformer.evaluate(Leaky(SONGS), ENTRIES, metrics=["SI-SDR"], folder=tmp_path)
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"SI-SDR.png", "SI-SDR.svg"}


def test_separators_side_by_side_are_compared_in_the_order_given():
    both = {"worse": Leaky(SONGS, 0.2), "better": Leaky(SONGS, 0.1)}
    results = bsroformer.evaluate(both, ENTRIES, bounds=())
    (pair,) = results.differences
    assert (pair.method, pair.minus, pair.songs) == ("better", "worse", 2)
    assert all(found.difference > 5 and found.better == 2 for of in pair.scores.values() for found in of.values())


def test_the_folder_holds_everything_and_opens_without_a_network(tmp_path):
    bsroformer.evaluate(Leaky(SONGS), ENTRIES, folder=tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"results.json", "results.csv", "results.md", "report.html", "plots", "songs", "museval", "excerpts"}
    plots = {f"{metric}{suffix}" for metric in ("cSDR", "uSDR", "SI-SDR") for suffix in (".png", ".svg")}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == plots
    assert sorted(path.name for path in (tmp_path / "museval" / "model" / "test").iterdir()) == [
        "Song 0.json",
        "Song 1.json",
    ]
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["songs"] == 2
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Song 0" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def excerpts_in(folder):
    found = (path.parent for path in (folder / "excerpts").glob("*/*/excerpt.json"))
    return {path.relative_to(folder / "excerpts").as_posix() for path in found}


def test_separators_side_by_side_have_excerpts_of_the_same_songs(tmp_path):
    both = {"worse": Leaky(SONGS, 0.2), "better": Leaky(SONGS, 0.1)}
    bsroformer.evaluate(both, ENTRIES, folder=tmp_path, workers=2)
    assert excerpts_in(tmp_path) == {f"{name}/Song {n}" for name in both for n in range(2)}


def test_a_song_that_one_separator_fails_is_shown_by_others(tmp_path):
    (tmp_path / "stems").mkdir()
    for song in SONGS[:1]:
        for n, stem in enumerate(song.stems):
            write(tmp_path / "stems" / song.name / f"{stem}.wav", song.audio[n], RATE)
    bsroformer.evaluate({"a": Leaky(SONGS), "b": tmp_path / "stems"}, ENTRIES, folder=tmp_path / "out")
    assert excerpts_in(tmp_path / "out") == {"a/Song 0", "a/Song 1", "b/Song 0"}


def test_names_of_metrics_ignore_case():
    assert resolve_metrics(["usdr", "CSDR", "uSDR"]) == ("uSDR", "cSDR")
    assert resolve_metrics(["bss_eval", "SI-SDR"]) == ("cSDR", "SIR", "SAR", "ISR", "SI-SDR")
    with pytest.raises(InputError, match=r"metrics names SDR; choose from cSDR, SIR, .*bss_eval"):
        resolve_metrics(["SDR"])
    with pytest.raises(InputError, match=r"metrics is empty"):
        resolve_metrics([])


def test_impossible_bss_eval_is_refused_before_separation(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    separator = Leaky(SONGS)
    with pytest.raises(InputError, match="FFmpeg"):
        bsroformer.evaluate(separator, ENTRIES, metrics=["bss_eval"])
    assert separator.separated == []


def test_bss_eval_of_a_single_stem_is_refused():
    if not bss_eval_available():
        pytest.skip("museval needs FFmpeg on the PATH")
    with pytest.raises(InputError, match=r"two stems or more, and vocals is scored alone"):
        bsroformer.evaluate(Leaky(SONGS), ENTRIES, stems=["vocals"], metrics=["SIR"])


def test_no_gradients_are_computed():
    class Trained(Leaky):
        def stream(self, mixture):
            gain = torch.nn.Parameter(torch.ones(1))
            for stems in super().stream(mixture):
                yield stems * gain

    seen = []
    evaluator = bsroformer.evaluation.evaluator_of(Trained(SONGS), ENTRIES)
    keep = lambda method, song, estimates, scores: seen.append(estimates)  # noqa: E731
    replace(evaluator, on_estimates=[keep]).run(ENTRIES)
    assert len(seen) == 6
    assert not any(estimates.requires_grad for estimates in seen)


@pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")
def test_a_real_song_scores_as_museval_for_the_same_files(tmp_path):
    """The track of MUSDB18 that stempeg comes with, and estimates on the disk: museval is called directly."""
    import museval
    import stempeg

    (tmp_path / "set" / "test").mkdir(parents=True)
    (tmp_path / "set" / "test" / "Song.stem.mp4").symlink_to(stempeg.example_stem_path())
    entries = bsroformer.songs_in(tmp_path / "set")
    song = bsroformer.evaluation.read_track(entries[0].open(), TWO, 44100)
    for n, stem in enumerate(TWO):
        write(tmp_path / "theirs" / "Song" / f"{stem}.wav", song.targets[n] + 0.2 * song.mixture, 44100)
    choices = {"stems": TWO, "bounds": ()}
    results = bsroformer.evaluate(tmp_path / "theirs", entries, metrics=["bss_eval"], folder=tmp_path, **choices)

    targets = song.targets.mT.double().numpy()
    estimates = (song.targets + 0.2 * song.mixture).mT.double().numpy()
    sdr, isr, sir, sar = museval.evaluate(targets, estimates, win=44100, hop=44100)
    scores = results["theirs"].scores
    for n, stem in enumerate(TWO):
        for metric, seconds in (("cSDR", sdr), ("ISR", isr), ("SIR", sir), ("SAR", sar)):
            assert scores[stem][metric] == pytest.approx(np.nanmedian(seconds[n]), abs=1e-6)
    store = museval.EvalStore()
    store.add_eval_dir(tmp_path / "museval" / "theirs")
    aggregated = store.agg_frames_tracks_scores()
    assert all(aggregated[stem, "SDR"] == pytest.approx(scores[stem]["cSDR"], abs=1e-5) for stem in TWO)
    quick = bsroformer.evaluate(tmp_path / "theirs", entries, **choices)["theirs"].scores
    assert all(quick[stem]["cSDR"] == pytest.approx(scores[stem]["cSDR"], abs=1e-6) for stem in TWO)
