import csv
import io
import json

import pytest
from rich.console import Console

from bsroformer.evaluation import Evaluation, scores_figure, scores_table, write_csv, write_figure, write_json


def printed(table):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text().splitlines()


def cells(lines, stem):
    (line,) = [line for line in lines if line.startswith(f"│ {stem} ")]
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_the_table_has_every_stem_the_mean_and_the_mixture_as_baseline(evaluation):
    lines = printed(scores_table(evaluation, "lite on musdb7"))
    assert "lite on musdb7" in lines[0]
    assert cells(lines, "bass") == ["4.00", "4.00", "4.00", "2.00"]
    assert cells(lines, "mean") == ["5.00", "5.00", "5.00", "4.00"]
    assert cells(lines, "mixture · vocals") == ["-5.00"] * 4
    assert cells(lines, "mixture · mean") == ["-5.00"] * 4


def test_the_table_says_what_was_left_out(evaluation):
    text = " ".join(line.strip() for line in printed(scores_table(evaluation)))
    assert "mean over 3 songs" in text
    assert "1 of 6 stems, 6 of 30 seconds" in text


def test_an_undefined_score_is_a_dash_in_the_table(evaluation):
    silent = Evaluation(evaluation.stems, evaluation.metrics, evaluation.songs[2:])
    assert cells(printed(scores_table(silent)), "vocals") == ["–"] * 4


def test_json_reads_back_as_the_results(evaluation, tmp_path):
    path = tmp_path / "new" / "results.json"
    write_json(evaluation, path)
    assert json.loads(path.read_text("utf-8")) == evaluation.to_dict()


def test_csv_has_a_row_per_song_and_stem_and_the_averages(evaluation, tmp_path):
    write_csv(evaluation, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["song"], row["stem"]) for row in rows] == [
        *((song.song, stem) for song in evaluation.songs for stem in evaluation.stems),
        ("all songs", "bass"),
        ("all songs", "vocals"),
        ("all songs", "mean"),
    ]
    assert rows[1]["SI-SDR"] == "4.0000"
    assert rows[1]["mixture SI-SDR"] == "-5.0000"
    assert rows[5]["SI-SDR"] == rows[5]["mixture cSDR"] == ""
    assert rows[-1]["cSDR"] == "4.0000"
    assert float(rows[-1]["seconds"]) == 30


def test_csv_columns_stay_in_line_when_the_mixture_has_fewer_metrics(evaluation, tmp_path):
    songs = tuple(evaluation.songs)
    for song in songs:
        for stem in evaluation.stems:
            song.scores[stem]["SIR"] = 33.0
    write_csv(Evaluation(evaluation.stems, (*evaluation.metrics, "SIR"), songs), tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["SIR"] for row in rows} == {"33.0000"}
    assert rows[0]["mixture SI-SDR"] == "-5.0000"
    assert "mixture SIR" not in rows[0]


def test_a_figure_is_written_in_the_format_of_its_suffix(evaluation, tmp_path):
    write_figure(scores_figure(evaluation), tmp_path / "scores.png", dpi=20)
    write_figure(scores_figure(evaluation), tmp_path / "scores.svg")
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "scores.svg").read_text("utf-8")


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(evaluation, tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("old")
    evaluation.songs[2].scores["vocals"]["uSDR"] = "not a number"
    with pytest.raises(TypeError):
        write_csv(evaluation, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]
