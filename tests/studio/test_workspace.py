import os
import stat
import time
from pathlib import Path

import pytest

from bsroformer.errors import InputError
from bsroformer.studio.cleanup import TOKEN
from bsroformer.studio.job import Job, SeparationRequest
from bsroformer.studio.workspace import Workspace

KEPT = 100.0


class Clock:
    """Manually set clocks of jobs and of files."""

    def __init__(self) -> None:
        self.later = 0.0

    def monotonic(self) -> float:
        return 5000.0 + self.later

    def calendar(self) -> float:
        return time.time() + self.later


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(tmp_path, clock) -> Workspace:
    return Workspace(tmp_path / "studio", KEPT, clock.monotonic, clock.calendar)


def job_on(workspace: Workspace, source: Path = Path("song.wav"), finished_at: float | None = None) -> Job:
    """A job with a file in its folder."""
    token, folder = workspace.new_song()
    (folder / "listen").mkdir()
    (folder / "listen" / "00000.webp").write_bytes(b"seen")
    return Job(token, folder, SeparationRequest(source, "song", "demo", ("vocals",)), finished_at=finished_at)


def delete_expired(workspace: Workspace, jobs: list[Job]) -> set[str]:
    in_use = [job.request.source for job in jobs if job.finished_at is None]
    return workspace.delete_expired({job.token: job.finished_at for job in jobs}, in_use)


def upload(workspace: Workspace, name: str = "song.wav") -> Path:
    path = workspace.uploads / "a1b2" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"music")
    return path


def test_each_song_has_a_token_and_a_private_folder(workspace):
    tokens, folders = zip(*(workspace.new_song() for _ in range(20)), strict=True)
    assert len(set(tokens)) == 20
    assert all(TOKEN.fullmatch(token) for token in tokens)
    assert list(folders) == [workspace.songs / token for token in tokens]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_songs_are_deleted_when_they_expire(workspace, clock):
    ended, other, running = (
        job_on(workspace, finished_at=5000.0),
        job_on(workspace, finished_at=5050.0),
        job_on(workspace),
    )
    jobs = [ended, other, running]
    clock.later = KEPT - 1
    assert delete_expired(workspace, jobs) == set()
    clock.later = KEPT + 1
    assert delete_expired(workspace, jobs) == {ended.token}
    assert [job.folder.exists() for job in jobs] == [False, True, True]
    clock.later = 10 * KEPT
    assert delete_expired(workspace, jobs[1:]) == {other.token}
    assert running.folder.exists()


def test_uploads_expire_unless_a_song_needs_them(workspace, clock):
    old, read = upload(workspace), upload(workspace, "other.wav")
    job = job_on(workspace, source=read)
    delete_expired(workspace, [job])
    assert old.exists()
    clock.later = KEPT + 1
    delete_expired(workspace, [job])
    assert (old.exists(), read.exists()) == (False, True)
    job.finished_at = 5000.0 + KEPT
    delete_expired(workspace, [job])
    assert not read.exists()
    clock.later = 3 * KEPT  # that emptied the folder, which changed it
    delete_expired(workspace, [])
    assert list(workspace.uploads.iterdir()) == []


def test_the_age_of_an_upload_counts_from_its_arrival(workspace):
    path = upload(workspace)
    os.utime(path, (0, 0))
    delete_expired(workspace, [])
    assert path.exists()


def test_an_upload_that_is_read_by_another_name_stays(workspace, clock, tmp_path):
    path = upload(workspace)
    (tmp_path / "link").symlink_to(workspace.uploads)
    job = job_on(workspace, source=tmp_path / "link" / "a1b2" / path.name)
    clock.later = KEPT + 1
    delete_expired(workspace, [job])
    assert path.exists()


def test_folders_of_a_killed_process_expire(tmp_path, clock):
    left = job_on(Workspace(tmp_path, KEPT)).folder
    workspace = Workspace(tmp_path, KEPT, clock.monotonic, clock.calendar)
    delete_expired(workspace, [])
    assert left.exists()
    clock.later = KEPT + 1
    delete_expired(workspace, [])
    assert not left.exists()


def test_a_new_folder_without_a_job_stays(workspace):
    folder = workspace.new_song()[1]
    delete_expired(workspace, [])
    assert folder.exists()


def test_missing_folders_are_no_error(workspace, clock):
    job = job_on(workspace, finished_at=5000.0)
    for path in sorted(job.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    job.folder.rmdir()
    workspace.uploads.rmdir()
    clock.later = KEPT + 1
    assert delete_expired(workspace, [job]) == {job.token}
    workspace.songs.rmdir()
    assert delete_expired(workspace, []) == set()
    workspace.close()


def test_links_are_deleted_but_not_their_targets(workspace, clock, tmp_path):
    precious = tmp_path / "precious"
    (precious / "deep").mkdir(parents=True)
    (precious / "deep" / "file").write_text("keep me")
    job = job_on(workspace, finished_at=5000.0)
    (job.folder / "link").symlink_to(precious)
    (workspace.songs / ("x" * 32)).symlink_to(precious)
    (workspace.uploads / "folder").symlink_to(precious)
    (workspace.uploads / "file").symlink_to(precious / "deep" / "file")
    clock.later = KEPT + 1
    delete_expired(workspace, [job])
    assert (list(workspace.songs.iterdir()), list(workspace.uploads.iterdir())) == ([], [])
    assert (precious / "deep" / "file").read_text() == "keep me"


def test_a_token_that_is_a_path_deletes_nothing(workspace, clock, tmp_path):
    (tmp_path / "precious").mkdir()
    job = job_on(workspace, finished_at=5000.0)
    job.token = "../../precious"
    clock.later = KEPT + 1
    delete_expired(workspace, [job])
    assert (tmp_path / "precious").exists()


def test_nothing_but_songs_and_uploads_is_ever_deleted(workspace, clock):
    for path in (workspace.songs / "readme.txt", workspace.songs.parent / "notes.txt"):
        path.write_text("mine")
    clock.later = KEPT + 1
    delete_expired(workspace, [])
    workspace.close()
    assert (workspace.songs / "readme.txt").exists() and (workspace.songs.parent / "notes.txt").exists()


@pytest.mark.parametrize("name", ["songs", "uploads"])
def test_foreign_folders_are_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "Best of.wav").touch()
    with pytest.raises(InputError, match=rf"{name} was not created by the studio.*give an empty folder"):
        Workspace(tmp_path, KEPT)
    assert (tmp_path / name / "Best of.wav").exists()


def test_a_link_as_songs_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "songs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"songs was not created by the studio"):
        Workspace(tmp_path, KEPT)


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "studio").touch()
    with pytest.raises(InputError, match=r"studio cannot be written"):
        Workspace(tmp_path / "studio", KEPT)


def test_closing_leaves_nothing(workspace, tmp_path):
    upload(workspace)
    job_on(workspace)
    job_on(workspace, finished_at=1.0)
    workspace.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_keeps_older_files(tmp_path):
    first = Workspace(tmp_path, KEPT)
    song, sound = job_on(first).folder, upload(first)
    for path in (sound, sound.parent):
        _wait_for_the_disks_clock(path, tmp_path)
    second = Workspace(tmp_path, KEPT)
    job_on(second)
    upload(second, "new.wav")
    second.close()
    assert [path.name for path in second.songs.iterdir()] == [song.name]
    assert [path.name for path in second.uploads.rglob("*.wav")] == [sound.name]


def _wait_for_the_disks_clock(path: Path, folder: Path) -> None:
    """Wait until a new file is newer than `path`."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        (folder / "probe").unlink(missing_ok=True)
        (folder / "probe").touch()
        if (folder / "probe").stat().st_mtime > path.stat().st_mtime:
            return
    raise AssertionError("the clock of the disk stands still")
