"""Deletion of the files of a killed studio by the next one."""

from pathlib import Path

import pytest

from bsroformer.studio.cleanup import MARKER, lock_of
from bsroformer.studio.workspace import Workspace

KEPT = 60.0


@pytest.fixture
def left(tmp_path) -> Path:
    """Folder of a studio without a process, with a song and an upload."""
    folder = tmp_path / "killed"
    for path in (folder / MARKER, folder / "songs" / ("x" * 32) / "stems" / "vocals.wav", folder / "uploads/ab/a.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def swept(tmp_path, later=KEPT + 5):
    """Run the cleanup of another studio some seconds later."""
    now = tmp_path.stat().st_mtime + 1
    workspace = Workspace(tmp_path / "next", KEPT, calendar=lambda: now + later)
    workspace.delete_expired({})
    workspace.close()


def test_files_of_a_killed_studio_expire(left, tmp_path):
    swept(tmp_path, later=KEPT - 30)
    assert len(list(left.rglob("*.wav"))) == 2
    swept(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_songs_of_an_open_studio_are_kept(left, tmp_path):
    with lock_of(left):
        swept(tmp_path)
    assert len(list(left.rglob("*.wav"))) == 2


def test_an_open_studio_holds_a_lock(tmp_path):
    workspace = Workspace(tmp_path / "open", KEPT)
    song = workspace.new_song()[1]
    swept(tmp_path)
    assert song.is_dir()
    workspace.close()
    assert not song.exists()


def test_other_files_in_the_folder_are_kept(left, tmp_path):
    (left / "notes.txt").write_text("mine")
    (left / "songs" / "Best of.txt").write_text("mine")
    (tmp_path / "music" / "songs" / ("y" * 32)).mkdir(parents=True)
    swept(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"notes.txt", "Best of.txt", MARKER}
    assert (tmp_path / "music" / "songs" / ("y" * 32)).is_dir()


@pytest.mark.parametrize("name", ["songs", "uploads"])
def test_linked_folders_are_not_followed(left, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    (left / name).rename(elsewhere)
    (left / name).symlink_to(elsewhere)
    swept(tmp_path)
    assert list(elsewhere.rglob("*.wav"))
