from typing import Any

from bsroformer.report.evaluation_tables import (
    difference_table,
    evaluation_table,
    metric_table,
    song_scores_table,
    songs_table,
    summary_table,
    undefined_seconds_table,
    unscored_table,
)
from bsroformer.report.html_cells import cell_note, cell_text, is_strong
from bsroformer.report.tables import Line

STEMS = ["vocals", "other"]
METRICS = ["cSDR", "SI-SDR"]


def texts(line: Line) -> tuple[str, ...]:
    return tuple(map(cell_text, line.cells))


def notes(line: Line) -> tuple[str, ...]:
    return tuple(map(cell_note, line.cells))


def strong(line: Line) -> set[int]:
    return {n for n, cell in enumerate(line.cells) if is_strong(cell)}


def method(name: str, kind: str, vocals: float | None, other: float | None) -> dict[str, Any]:
    """A method with the same scores in every metric, of one song."""
    known = [score for score in (vocals, other) if score is not None]
    of = {"vocals": vocals, "other": other, "mean": sum(known) / len(known) if known else None}
    scores = {stem: dict.fromkeys(METRICS, score) for stem, score in of.items()}
    intervals = {
        stem: dict.fromkeys(METRICS, None if score is None else [score - 1, score + 1]) for stem, score in of.items()
    }
    return {
        "name": name,
        "kind": kind,
        "scores": scores,
        "intervals": intervals,
        "undefined": {stem: dict.fromkeys(METRICS, int(of[stem] is None)) for stem in STEMS},
        "seconds": 1234,
        "seconds_undefined": 5,
        "songs": [{"song": "A", "seconds": 61.5, "scores": scores, "seconds_scored": 61, "seconds_undefined": 5}],
    }


def results(*methods: dict[str, Any]) -> dict[str, Any]:
    """A ``results.json`` of one song."""
    return {
        "stems": STEMS,
        "metrics": METRICS,
        "split": "test",
        "songs": 1,
        "methods": list(methods),
        "differences": [],
        "undefined_seconds": [
            {"song": "A", "method": of["name"], "seconds": 61, "undefined": of["seconds_undefined"]} for of in methods
        ],
        "failures": [],
        "made": {},
    }


MIXTURE, LITE, FULL, ORACLE = (
    method("mixture", "mixture", -5.0, -1.0),
    method("lite", "model", 3.0, 1.0),
    method("full", "estimates", 2.0, 4.0),
    method("IRM1", "oracle", 9.0, 8.0),
)


def test_every_method_has_means_intervals_and_undefined_seconds():
    table = summary_table(results(MIXTURE, LITE, ORACLE))
    assert table.columns == ("cSDR", "SI-SDR", "songs", "seconds undefined")
    assert [(line.name, texts(line), line.kind) for line in table.lines] == [
        ("mixture", ("−3.00", "−3.00", "1", "5 of 1,234"), "aside"),
        ("lite", ("2.00", "2.00", "1", "5 of 1,234"), ""),
        ("IRM1", ("8.50", "8.50", "1", "5 of 1,234"), "aside"),
    ]
    assert notes(table.lines[1]) == ("1.00 to 3.00", "1.00 to 3.00", "", "")


def test_only_the_best_of_several_methods_is_emphasised():
    table = metric_table(results(MIXTURE, LITE, FULL, ORACLE), "cSDR")
    assert table.columns == ("vocals", "other", "mean")
    assert [strong(line) for line in table.lines] == [set(), {0}, {1, 2}, set()]
    assert not any(strong(line) for line in metric_table(results(MIXTURE, LITE, ORACLE), "cSDR").lines)


def test_a_score_that_nobody_has_is_a_dash():
    silent = results(method("lite", "model", None, 1.0), method("full", "model", None, 2.0))
    lines = metric_table(silent, "cSDR").lines
    assert [(texts(line)[0], notes(line)[0]) for line in lines] == [("–", ""), ("–", "")]


def test_a_difference_stands_out_if_its_interval_leaves_out_zero():
    pairs = (
        {"difference": 1.5, "interval": [0.5, 2.5], "better": 8, "songs": 9},
        {
            "difference": -0.25,
            "interval": [-1.0, 0.5],
            "better": 3,
            "songs": 9,
        },
    )
    undefined = {"difference": None, "interval": None, "better": 0, "songs": 0}
    scores = {
        "vocals": dict(zip(METRICS, pairs, strict=True)),
        "other": dict.fromkeys(METRICS, undefined),
        "mean": dict(zip(METRICS, pairs[::-1], strict=True)),
    }
    vocals, other, mean = difference_table(results(LITE, FULL), {"scores": scores}).lines
    assert texts(vocals) == ("+1.50", "−0.25")
    assert notes(vocals) == ("+0.50 to +2.50 · better in 8 of 9", "−1.00 to +0.50 · better in 3 of 9")
    assert [strong(line) for line in (vocals, other, mean)] == [{0}, set(), {1}]
    assert (texts(other), notes(other)) == (("–", "–"), ("", ""))


def test_each_song_has_all_scores_by_metric_and_stem():
    table = song_scores_table(results(LITE), LITE)
    assert table.groups == (("", 2), ("cSDR", 3), ("SI-SDR", 3))
    assert table.columns == ("seconds", "undefined", *("vocals", "other", "mean") * 2)
    assert [(line.name, texts(line)) for line in table.lines] == [("A", ("62", "5", *("3.00", "1.00", "2.00") * 2))]


def test_a_single_stem_has_no_mean_beside_it():
    alone = results(MIXTURE, LITE) | {"stems": ["vocals"]}
    assert metric_table(alone, "cSDR").columns == ("vocals",)
    assert song_scores_table(alone, LITE).columns == ("seconds", "undefined", "vocals", "vocals")


def test_undefined_seconds_are_listed_by_song_and_method():
    tree = results(MIXTURE, LITE)
    tree["undefined_seconds"] = [
        {"song": "A", "method": "lite", "seconds": 61, "undefined": 7},
        {"song": "B", "method": "mixture", "seconds": 1200, "undefined": 1},
        {"song": "B", "method": "lite", "seconds": 1200, "undefined": 2},
    ]
    table = undefined_seconds_table(tree)
    assert table.columns == ("seconds", "mixture", "lite")
    assert [(line.name, texts(line)) for line in table.lines] == [("A", ("61", "0", "7")), ("B", ("1,200", "1", "2"))]
    assert undefined_seconds_table(tree | {"undefined_seconds": []}) is None


def test_stems_without_a_score_are_named():
    silent = method("lite", "model", None, 1.0)
    [line] = unscored_table(results(MIXTURE, silent)).lines
    assert (line.name, texts(line)) == ("A", ("vocals", "cSDR, SI-SDR", "lite"))
    [line] = unscored_table(results(silent)).lines
    assert texts(line) == ("vocals", "cSDR, SI-SDR", "every method")
    assert unscored_table(results(LITE)) is None


def test_compared_methods_are_above_floor_and_ceiling():
    table = evaluation_table(results(MIXTURE, method("lite", "model", 3.0, None), ORACLE))
    assert table.columns == ("cSDR", "SI-SDR")
    assert [(line.name, texts(line)[0], line.kind, line.colour) for line in table.lines] == [
        ("vocals", "3.00", "", "0"),
        ("other", "–", "", "1"),
        ("mean", "3.00", "mean", None),
        ("mixture · vocals", "−5.00", "aside", None),
        ("mixture · other", "−1.00", "aside", None),
        ("mixture · mean", "−3.00", "aside", None),
        ("IRM1 · vocals", "9.00", "aside", None),
        ("IRM1 · other", "8.00", "aside", None),
        ("IRM1 · mean", "8.50", "aside", None),
    ]


def test_each_song_has_a_line_of_the_customary_metric():
    table = songs_table(results(MIXTURE, method("lite", "model", 3.0, None)))
    assert table.columns == ("vocals", "other", "mean")
    assert [(line.name, texts(line)) for line in table.lines] == [("A", ("3.00", "–", "3.00"))]
