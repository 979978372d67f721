import csv
import json
import math

import pytest
from made_scores import METRICS, STEMS, evaluation_of, song_scores
from matplotlib.figure import Figure

from bsroformer.evaluation import Results, write_csv, write_figure, write_json, write_markdown


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def text_of(results, tmp_path):
    write_markdown(results, tmp_path / "results.md")
    return (tmp_path / "results.md").read_text("utf-8")


def test_json_reads_back_as_the_results(results, tmp_path):
    path = tmp_path / "new" / "results.json"
    write_json(results, path)
    assert json.loads(path.read_text("utf-8")) == results.to_dict()


def test_csv_has_rows_for_songs_and_then_for_averages(results, tmp_path):
    write_csv(results, tmp_path / "results.csv")
    rows = rows_of(tmp_path / "results.csv")
    songs = [(of.method, song.song, stem) for of in results.evaluations for song in of.songs for stem in STEMS]
    averages = [(of.method, "all songs", row) for of in results.evaluations for row in (*STEMS, "mean")]
    assert [(row["method"], row["song"], row["stem"]) for row in rows] == songs + averages


def test_csv_rows_have_empty_cells_for_undefined_scores(results, tmp_path):
    write_csv(results, tmp_path / "results.csv")
    rows = {(row["method"], row["song"], row["stem"]): row for row in rows_of(tmp_path / "results.csv")}
    assert rows["lite", "One", "vocals"] == {
        "method": "lite",
        "kind": "model",
        "song": "One",
        "stem": "vocals",
        "seconds": "10.500",
        "seconds_scored": "10",
        "seconds_undefined": "0",
        "cSDR": "4.0000",
        "uSDR": "4.0000",
        "SI-SDR": "4.0000",
    }
    silent = rows["lite", "Three, Sung", "vocals"]
    assert [silent[metric] for metric in METRICS] == [""] * 3
    assert silent["seconds_undefined"] == "2"
    mean = rows["lite", "all songs", "mean"]
    assert (mean["cSDR"], mean["uSDR"]) == ("4.0000", "5.0000")
    assert (mean["seconds"], mean["seconds_scored"], mean["seconds_undefined"]) == ("31.500", "30", "2")


def test_csv_columns_align_when_a_method_has_fewer_metrics(tmp_path):
    song = song_scores("A", 1.0, 2.0)
    mixture = evaluation_of("mixture", "mixture", song, metrics=("cSDR", "uSDR"))
    lite = evaluation_of("lite", "model", song, metrics=("cSDR", "SIR", "uSDR"))
    write_csv(Results((mixture, lite)), tmp_path / "results.csv")
    rows = rows_of(tmp_path / "results.csv")
    assert [(row["cSDR"], row["SIR"], row["uSDR"]) for row in rows[:3:2]] == [
        ("1.0000", "", "1.0000"),
        ("1.0000", "1.0000", "1.0000"),
    ]


def test_markdown_has_averages_with_intervals_and_differences(results, tmp_path):
    text = text_of(results, tmp_path)
    assert text.startswith("# Scores on 3 songs (test)\n\n| stem | method | cSDR | uSDR | SI-SDR |\n")
    assert "| bass | lite | 2.00 [1.0, 9.0] | 4.00 [1.0, 9.0] | 4.00 [1.0, 9.0] |" in text
    assert "| mean | IRM1 | 12.00 [12.0, 12.0] |" in text
    assert "## full minus lite" in text
    assert "| bass | +1.00 [+1.00, +1.00], better in 2 of 2 |" in text
    assert "| vocals | +1.50, better in 1 of 1 |" in text


def test_markdown_names_every_song_that_lost_seconds_or_failed(results, tmp_path):
    text = text_of(results, tmp_path)
    assert "| song | mixture | lite | full | IRM1 |" in text
    assert "| Three, Sung | 0 of 10 | 2 of 10 | 3 of 10 | 0 of 10 |" in text
    assert "- Silent or unknown, and without a score: 1 of 6 stems: Three, Sung (vocals).\n" in text
    assert "- Not scored: Four: vocals.wav cannot be read.\n" in text
    assert "- The averages of full are over 2 of 3 songs." in text


def test_a_method_that_did_not_score_a_song_has_a_dash(tmp_path):
    songs = song_scores("A", 1.0, 1.0, undefined=4), song_scores("B", 1.0, 1.0)
    results = Results((evaluation_of("a", "model", *songs), evaluation_of("b", "model", *songs[1:])))
    assert "| A | 4 of 10 | – |" in text_of(results, tmp_path)


def test_markdown_says_what_each_metric_is(results, tmp_path):
    metrics = ("cSDR", "SIR", "SAR", "ISR", "uSDR", "SI-SDR", "SI-SDRi")
    text = text_of(Results((evaluation_of("a", "model", song_scores("A", 1.0, math.nan), metrics=metrics),)), tmp_path)
    assert all(f"- **{metric}**: " in text for metric in metrics)
    assert "| vocals | a | – | – | – | – | – | – | – |" in text


def test_a_figure_is_written_in_the_format_of_its_suffix(tmp_path):
    write_figure(Figure(), tmp_path / "scores.png", dpi=20)
    write_figure(Figure(), tmp_path / "scores.svg")
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "scores.svg").read_text("utf-8")


@pytest.mark.parametrize("write", [write_csv, write_json, write_markdown])
def test_a_failed_write_keeps_the_old_file_and_no_other(results, tmp_path, write):
    path = tmp_path / "results"
    path.write_text("old")
    results["lite"].songs[2].whole["vocals"]["uSDR"] = "not a number"
    with pytest.raises(TypeError):
        write(results, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["results"]
