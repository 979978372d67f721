import csv
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.loggers import CSVLogger

from bsroformer.evaluation import Evaluation, SongScores
from bsroformer.launch.logged_scores import averages_by_name, log_scores, table_lines
from bsroformer.launch.train import train
from bsroformer.report.page import REPORT
from bsroformer.training.report import Report
from launched import SMALL_RUN, composed


def song(name: str, vocals: float, other: float) -> SongScores:
    scores = {"vocals": {"SI-SDR": vocals}, "other": {"SI-SDR": other}}
    return SongScores(name, 1.0, scores, scores, 1, 0)


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(("vocals", "other"), ("SI-SDR",), (song("A", 1.0, math.nan), song("B", 3.0, math.nan)))


def test_averages_have_a_name_for_each_metric_and_stem_and_what_is_undefined_has_none(evaluation):
    assert averages_by_name(evaluation) == {"test/si_sdr": 2, "test/si_sdr_vocals": 2}


def test_the_table_has_each_song_and_last_the_averages(evaluation):
    lines = [line for line in table_lines(evaluation) if not math.isnan(line[2])]
    assert lines == [("A", "vocals", 1), ("B", "vocals", 3), ("all songs", "vocals", 2), ("all songs", "mean", 2)]


def test_scores_follow_what_a_logger_has_and_the_report_is_written_again(tmp_path, evaluation):
    logger = CSVLogger(str(tmp_path), name="csv")
    logger.log_metrics({"train/loss": 1.0}, 5)
    logger.finalize("success")
    trainer = SimpleNamespace(global_step=6, loggers=[logger], callbacks=[Report(str(tmp_path))])
    log_scores(trainer, evaluation)
    lines = lines_of(tmp_path)
    assert [(line["step"], line["train/loss"], line["test/si_sdr"]) for line in lines] == [
        ("5", "1.0", ""),
        ("6", "", "2.0"),
    ]
    assert (tmp_path / REPORT).exists()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
def test_a_run_with_a_csv_logger_has_every_fact(songs_root, tmp_path):
    overrides = "logger=csv", "evaluate=true", "trainer.log_every_n_steps=1"
    train(composed("train", *SMALL_RUN, *overrides, f"data.root={songs_root}", f"paths.output_dir={tmp_path}"))
    logged = {name for line in lines_of(tmp_path) for name, value in line.items() if value}
    expected = {"train/loss", "train/gradient_norm", "train/learning_rate", "train/audio_seconds_per_second"}
    expected |= {f"{split}/si_sdr{of}" for split in ("val", "test") for of in ("", "_vocals", "_other")}
    assert expected <= logged
    assert "test SI-SDR" in (tmp_path / REPORT).read_text("utf-8")


def lines_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "csv" / "version_0" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))
