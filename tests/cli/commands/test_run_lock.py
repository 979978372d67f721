import subprocess
import sys

import pytest
from filelock import FileLock

from bsroformer.cli.commands.train import training_folder
from bsroformer.cli.commands.train.training_folder import only_training_in
from bsroformer.cli.console import terminal
from bsroformer.errors import InputError
from bsroformer.run_folder import TRAINING_LOCK


@pytest.fixture
def without_patience(monkeypatch) -> None:
    monkeypatch.setattr(training_folder, "TIMEOUT_S", 0.01)


HOLD = "import sys, time, filelock as f; l = f.FileLock(sys.argv[1]); l.acquire(); print(flush=True); time.sleep(60)"


@pytest.mark.usefixtures("without_patience")
def test_a_second_training_in_a_folder_is_refused(tmp_path):
    with (
        only_training_in(tmp_path / "run", terminal()),
        pytest.raises(InputError, match=r"run: another training is running in this folder"),
        only_training_in(tmp_path / "run", terminal()),
    ):
        pass
    with only_training_in(tmp_path / "run", terminal()):
        pass


@pytest.mark.usefixtures("without_patience")
def test_a_training_that_was_killed_holds_no_lock(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / TRAINING_LOCK], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        with pytest.raises(InputError, match="another training"), only_training_in(tmp_path, terminal()):
            pass
    finally:
        other.kill()
        other.wait()
    with only_training_in(tmp_path, terminal()):
        assert (tmp_path / TRAINING_LOCK).exists()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "diary.txt").write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / TRAINING_LOCK).symlink_to(tmp_path / "diary.txt")
    with only_training_in(tmp_path / "run", terminal()):
        pass
    assert (tmp_path / "diary.txt").read_text() == "kept"


def test_half_written_checkpoints_are_removed_under_the_lock(tmp_path):
    folder = tmp_path / "checkpoints"
    (folder / "candidates").mkdir(parents=True)
    left = [".last.ckpt.123.part", ".best.ckpt.a8_x.part", "candidates/.step-000002.ckpt.9.part"]
    others = ["last.ckpt", ".vocals.wav.1.part", "notes.part"]
    for name in (*left, *others):
        (folder / name).touch()
    with only_training_in(tmp_path, terminal()):
        pass
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(others)
    assert not list((folder / "candidates").iterdir())


def test_a_disk_without_locks_is_reported(tmp_path, monkeypatch, capsys):
    def acquire(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with only_training_in(tmp_path, terminal()):
        pass
    assert "is on a disk without locks" in capsys.readouterr().out
