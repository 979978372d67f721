import json
from dataclasses import replace

import pytest
import torch

import bsroformer
from bsroformer.errors import InputError
from bsroformer.evaluation.evaluate import expanded
from bsroformer.metrics import bss_eval_available
from rehearsal import Leaky, make_song

SONGS = [make_song(0, 2.0), make_song(1, 3.0)]
ENTRIES = [song.entry for song in SONGS]


def test_a_separator_alone_is_evaluated_between_floor_and_ceiling():
    results = bsroformer.evaluate(Leaky(SONGS), ENTRIES)
    assert [evaluation.method for evaluation in results.evaluations] == ["mixture", "model", "IRM2"]
    assert results["model"].metrics == ("cSDR", "uSDR", "SI-SDR")
    assert all(of["SI-SDR"] > 10 for of in results["model"].scores.values())


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
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"cSDR.png", "uSDR.png", "SI-SDR.png"}
    assert sorted(path.name for path in (tmp_path / "museval" / "model" / "test").iterdir()) == [
        "Song 0.json",
        "Song 1.json",
    ]
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["songs"] == 2
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Song 0" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_metrics_are_told_by_name_whatever_their_capitals():
    assert expanded(["usdr", "CSDR", "uSDR"]) == ("uSDR", "cSDR")
    assert expanded(["bss_eval", "SI-SDR"]) == ("cSDR", "SIR", "SAR", "ISR", "SI-SDR")
    with pytest.raises(InputError, match=r"metrics names SDR: choose from cSDR, SIR, .*bss_eval"):
        expanded(["SDR"])
    with pytest.raises(InputError, match=r"metrics names nothing"):
        expanded([])


def test_bss_eval_that_cannot_run_is_refused_before_any_separation(monkeypatch):
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


def test_no_gradients_are_kept():
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
