"""The folder of a run is made when the run starts, or not at all."""

import logging

import pytest

from bsroformer.cli.output_folder import open_run_folder
from bsroformer.run_folder import RunFolder
from support.launched import small_run

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")


def test_what_is_logged_in_a_run_is_in_its_folder(tmp_path):
    for words in ("the first start", "the second"):
        with open_run_folder(tmp_path / "run"):
            logging.getLogger("bsroformer").warning("in %s", words)
        logging.getLogger("bsroformer").warning("after %s", words)
    lines = RunFolder(tmp_path / "run").log.read_text("utf-8").splitlines()
    assert [line.partition(" - ")[2] for line in lines] == ["in the first start", "in the second"]


@pytest.mark.parametrize(
    "words",
    [
        ["seed=-1"],
        ["resume=runs/trian/2026"],
        ["data.root=nowhere"],
    ],
)
def test_a_failed_start_writes_nothing(script, songs_root, tmp_path, words):
    status, printed = script("train", *small_run(songs_root, *words))
    assert (status, printed.count("error: ")) == (2, 1), printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sweep", [[], ["-m", "optimizer.lr=1e-3,1e-4"]], ids=["run", "sweep"])
def test_a_run_folder_that_cannot_be_made_is_one_sentence(script, songs_root, tmp_path, sweep):
    (tmp_path / "diary.txt").write_text("Dear diary\n")
    status, printed = script("train", *sweep, *small_run(songs_root, "paths.output_dir=diary.txt/run"))
    assert status == 2 and "Traceback" not in printed
    assert "error: diary.txt/run cannot be written" in printed
    assert (tmp_path / "diary.txt").read_text() == "Dear diary\n"


def test_a_fast_run_of_development_keeps_nothing(script, songs_root, tmp_path):
    status, printed = script("train", *small_run(songs_root, "debug=fast_dev_run", "paths.output_dir=out"))
    assert status == 0, printed
    assert "no run folder" in printed
    assert list(tmp_path.iterdir()) == []
