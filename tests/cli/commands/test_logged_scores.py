import csv
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.loggers import CSVLogger

from bsroformer.cli.commands.train.logged_scores import averages_by_name, log_scores, table_columns, table_lines
from bsroformer.evaluation import Evaluation, Results, TrackScores
from bsroformer.report.run_page import REPORT
from bsroformer.training.callbacks.report import Report
from support.launched import SMALL_RUN, launch


def method(name: str, kind: str, **decibels: float) -> Evaluation:
    """A method with a score of each song's vocals, but not of its other stem."""
    songs = []
    for song, db in decibels.items():
        whole = {"vocals": {"SI-SDR": db}, "other": {"SI-SDR": math.nan}}
        songs.append(TrackScores(song, 1.0, whole, {stem: {"SDR": (db,)} for stem in whole}))
    return Evaluation(name, kind, ("vocals", "other"), ("SI-SDR",), tuple(songs))


@pytest.fixture
def results() -> Results:
    return Results((method("mixture", "mixture", A=-4.0, B=-6.0), method("best.ckpt", "model", A=1.0, B=3.0)))


def test_defined_averages_are_named_by_metric_and_stem(results):
    assert averages_by_name(results) == {"test/si_sdr": 2, "test/si_sdr_vocals": 2}


def test_names_of_several_methods_follow_the_split(results):
    two = Results((*results.evaluations, method("full", "estimates", A=5.0)), split="valid")
    assert averages_by_name(two) == {
        "valid/best.ckpt/si_sdr": 2,
        "valid/best.ckpt/si_sdr_vocals": 2,
        "valid/full/si_sdr": 5,
        "valid/full/si_sdr_vocals": 5,
    }


def test_the_table_lists_songs_by_method_and_last_the_averages(results):
    lines = list(table_lines(results))
    assert {len(line) for line in lines} == {len(table_columns(results))}
    assert [line for line in lines if not math.isnan(line[3])] == [
        ("mixture", "A", "vocals", -4),
        ("mixture", "B", "vocals", -6),
        ("best.ckpt", "A", "vocals", 1),
        ("best.ckpt", "B", "vocals", 3),
        ("mixture", "all songs", "vocals", -5),
        ("mixture", "all songs", "mean", -5),
        ("best.ckpt", "all songs", "vocals", 2),
        ("best.ckpt", "all songs", "mean", 2),
    ]


def test_scores_are_logged_and_the_report_is_renewed(tmp_path, results):
    logger = CSVLogger(str(tmp_path), name="csv")
    logger.log_metrics({"train/loss": 1.0}, 5)
    logger.finalize("success")
    trainer = SimpleNamespace(global_step=6, loggers=[logger], callbacks=[Report(str(tmp_path))])
    log_scores(trainer, results)
    lines = lines_of(tmp_path)
    assert [(line["step"], line["train/loss"], line["test/si_sdr"]) for line in lines] == [
        ("5", "1.0", ""),
        ("6", "", "2.0"),
    ]
    assert (tmp_path / REPORT).exists()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
def test_a_run_with_a_csv_logger_has_every_fact(songs_root, tmp_path):
    overrides = "logger=csv", "evaluate=true", "trainer.log_every_n_steps=1"
    launch("train", *SMALL_RUN, *overrides, f"data.root={songs_root}", f"paths.output_dir={tmp_path}")
    logged = {name for line in lines_of(tmp_path) for name, value in line.items() if value}
    expected = {"train/loss", "train/gradient_norm", "train/learning_rate", "train/audio_seconds_per_second"}
    expected |= {f"{split}/si_sdr{of}" for split in ("val", "test") for of in ("", "_vocals", "_other")}
    assert expected <= logged
    assert "test SI-SDR" in (tmp_path / REPORT).read_text("utf-8")


def lines_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "csv" / "version_0" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))
