import os
import secrets
import sys
from pathlib import Path

import pytest

from bsroformer import temporary_files
from bsroformer.atomic import replacing, write_text
from bsroformer.errors import InputError
from bsroformer.temporary_files import remove_leftovers, temporary_file, temporary_folder

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks or links")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@on_posix
def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda count: "0" * 2 * count)
    (tmp_path / "diary.txt").write_text("mine")
    (tmp_path / f".a.wav.{os.getpid()}.00000000.part").symlink_to(tmp_path / "diary.txt")
    with pytest.raises(InputError, match=r"a\.wav cannot be written"), replacing(tmp_path / "a.wav") as partial:
        partial.write_text("stem")
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_two_writers_of_one_file_have_temporary_files_of_their_own(tmp_path):
    with replacing(tmp_path / "a") as first, replacing(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # whose context ends last
    assert names_in(tmp_path) == ["a"]


@on_posix
def test_what_is_being_written_is_no_leftover(tmp_path):
    with temporary_file(tmp_path / "a.wav") as partial, temporary_folder(tmp_path, "folder") as folder:
        remove_leftovers(tmp_path, ".wav", "folder")
        assert partial.exists() and folder.exists()
    assert not names_in(tmp_path)


@on_posix
def test_leftovers_of_a_killed_container_are_removed_at_once(tmp_path):
    """Each container has a process 1, so that the number of the writer says nothing."""
    left = [f".a.wav.{os.getpid()}.0123abcd.part", ".a.wav.1.0123abcd.part", ".a.wav.4194305.part"]
    others = [".b.ckpt.1.0123abcd.part", "a.wav.1.part", ".a.wav.part", f".a.wav.{os.getpid()}.part"]
    for name in (*left, *others):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ".wav")
    assert names_in(tmp_path) == sorted(others)


def test_the_disk_has_the_content_of_a_file_before_its_name(tmp_path, monkeypatch):
    seen = []

    def synced(path: Path) -> None:
        seen.append((path.is_dir(), (tmp_path / "a.txt").exists()))

    monkeypatch.setattr("bsroformer.atomic.bring_to_disk", synced)
    write_text(tmp_path / "a.txt", "text")
    assert seen == [(False, False), (True, True)]
    temporary_files.bring_to_disk(tmp_path / "a.txt")
    temporary_files.bring_to_disk(tmp_path)
