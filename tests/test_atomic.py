import os
import subprocess
import sys

import pytest

from bsroformer.atomic import is_locked, replacing, replacing_folder, write_text, writing
from bsroformer.errors import InputError


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_text_has_the_same_bytes_everywhere(tmp_path):
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == "ä\nb\n".encode()


def test_a_text_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(InputError, match=r"a\.txt cannot be written"):
        write_text(tmp_path / "a.txt", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"file/x\.txt cannot be written .*choose another folder"),
        replacing(tmp_path / "file" / "x.txt"),
    ):
        pass


def test_an_error_of_a_library_names_the_file(tmp_path):
    with pytest.raises(InputError, match=r"x\.txt cannot be written \(no\)"), writing(tmp_path / "x.txt", LookupError):
        raise LookupError("no")


def test_a_complete_folder_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "folder"
    for content in ("first", "second"):
        with replacing_folder(target) as folder:
            (folder / "file").write_text(content)
        assert (target / "file").read_text() == content
    with pytest.raises(RuntimeError), replacing_folder(target) as folder:
        (folder / "file").write_text("third")
        raise RuntimeError
    assert (target / "file").read_text() == "second"
    assert [path.name for path in target.parent.iterdir()] == ["folder"]


def test_leftovers_of_a_killed_run_do_no_harm(tmp_path):
    (tmp_path / ".folder.part").mkdir()
    (tmp_path / ".folder.part" / "half").touch()
    with replacing_folder(tmp_path / "folder") as folder:
        (folder / "file").touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]


def test_a_folder_in_a_file_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/folder cannot be written"), replacing_folder(tmp_path / "file/folder"):
        pass


def test_a_link_that_waits_at_the_name_of_a_part_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "diary.txt").write_text("mine")
    monkeypatch.setattr("bsroformer.atomic.secrets.token_hex", lambda _: "guessed")
    (tmp_path / f".a.txt.{os.getpid()}.guessed.part").symlink_to(tmp_path / "diary.txt")
    with pytest.raises(InputError, match=r"a\.txt cannot be written"):
        write_text(tmp_path / "a.txt", "theirs")
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_file_is_locked_as_long_as_it_is_written(tmp_path):
    with replacing(tmp_path / "a.txt") as partial:
        assert is_locked(partial)
    assert is_locked(tmp_path / "a.txt") is False


def test_a_lock_ends_with_its_process(tmp_path):
    (tmp_path / "x").touch()
    hold = "import sys, time, pathlib, bsroformer.atomic as a\nwith a.locked(pathlib.Path(sys.argv[1])):"
    command = [sys.executable, "-c", f"{hold} print(flush=True); time.sleep(60)", str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        held = is_locked(tmp_path / "x")
        other.kill()
    assert (held, is_locked(tmp_path / "x")) == (True, False)
