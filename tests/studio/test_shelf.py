import os
import stat
import time
from pathlib import Path

import pytest

from bsroformer.errors import InputError
from bsroformer.studio.job import Job, Wish
from bsroformer.studio.shelf import TOKEN, Shelf

KEPT = 100.0


class Clock:
    """Two clocks that are set by hand: the one of jobs, and the one of files."""

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
def shelf(tmp_path, clock) -> Shelf:
    return Shelf(tmp_path / "studio", KEPT, clock.monotonic, clock.calendar)


def job_on(shelf: Shelf, source: Path = Path("song.wav"), finished: float | None = None) -> Job:
    """A job with a file in its folder."""
    token, folder = shelf.new()
    (folder / "listen").mkdir()
    (folder / "listen" / "00000.webp").write_bytes(b"seen")
    return Job(token, folder, Wish(source, "song", "demo", ("vocals",)), finished=finished)


def upload(shelf: Shelf, name: str = "song.wav") -> Path:
    path = shelf.uploads / "a1b2" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"music")
    return path


def test_each_song_has_a_token_of_its_own_and_a_folder_that_nobody_else_can_read(shelf):
    tokens, folders = zip(*(shelf.new() for _ in range(20)), strict=True)
    assert len(set(tokens)) == 20
    assert all(TOKEN.fullmatch(token) for token in tokens)
    assert list(folders) == [shelf.songs / token for token in tokens]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_songs_are_deleted_when_their_time_is_over_and_not_before(shelf, clock):
    ended, other, running = job_on(shelf, finished=5000.0), job_on(shelf, finished=5050.0), job_on(shelf)
    jobs = [ended, other, running]
    clock.later = KEPT - 1
    assert shelf.sweep(jobs) == set()
    clock.later = KEPT + 1
    assert shelf.sweep(jobs) == {ended.token}
    assert [job.folder.exists() for job in jobs] == [False, True, True]
    clock.later = 10 * KEPT
    assert shelf.sweep(jobs[1:]) == {other.token}
    assert running.folder.exists()


def test_an_upload_is_deleted_with_its_folder_but_not_while_a_song_is_to_read_it(shelf, clock):
    old, read = upload(shelf), upload(shelf, "other.wav")
    job = job_on(shelf, source=read)
    shelf.sweep([job])
    assert old.exists()
    clock.later = KEPT + 1
    shelf.sweep([job])
    assert (old.exists(), read.exists()) == (False, True)
    job.finished = 5000.0 + KEPT
    shelf.sweep([job])
    assert not read.exists()
    clock.later = 3 * KEPT  # that emptied the folder, which changed it
    shelf.sweep([])
    assert list(shelf.uploads.iterdir()) == []


def test_an_upload_is_as_old_as_its_stay_whatever_time_the_file_has(shelf):
    path = upload(shelf)
    os.utime(path, (0, 0))
    shelf.sweep([])
    assert path.exists()


def test_an_upload_that_is_read_by_another_name_stays(shelf, clock, tmp_path):
    path = upload(shelf)
    (tmp_path / "link").symlink_to(shelf.uploads)
    job = job_on(shelf, source=tmp_path / "link" / "a1b2" / path.name)
    clock.later = KEPT + 1
    shelf.sweep([job])
    assert path.exists()


def test_what_a_killed_process_left_is_deleted_once_nothing_happens_in_it(tmp_path, clock):
    left = job_on(Shelf(tmp_path, KEPT)).folder
    shelf = Shelf(tmp_path, KEPT, clock.monotonic, clock.calendar)
    shelf.sweep([])
    assert left.exists()
    clock.later = KEPT + 1
    shelf.sweep([])
    assert not left.exists()


def test_a_folder_whose_job_is_not_known_yet_stays(shelf):
    folder = shelf.new()[1]
    shelf.sweep([])
    assert folder.exists()


def test_what_is_gone_already_is_no_error(shelf, clock):
    job = job_on(shelf, finished=5000.0)
    for path in sorted(job.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    job.folder.rmdir()
    shelf.uploads.rmdir()
    clock.later = KEPT + 1
    assert shelf.sweep([job]) == {job.token}
    shelf.songs.rmdir()
    assert shelf.sweep([]) == set()
    shelf.close()


def test_links_are_deleted_and_what_they_lead_to_is_not(shelf, clock, tmp_path):
    precious = tmp_path / "precious"
    (precious / "deep").mkdir(parents=True)
    (precious / "deep" / "file").write_text("keep me")
    job = job_on(shelf, finished=5000.0)
    (job.folder / "link").symlink_to(precious)
    (shelf.songs / ("x" * 32)).symlink_to(precious)
    (shelf.uploads / "folder").symlink_to(precious)
    (shelf.uploads / "file").symlink_to(precious / "deep" / "file")
    clock.later = KEPT + 1
    shelf.sweep([job])
    assert (list(shelf.songs.iterdir()), list(shelf.uploads.iterdir())) == ([], [])
    assert (precious / "deep" / "file").read_text() == "keep me"


def test_a_token_that_is_a_path_deletes_nothing(shelf, clock, tmp_path):
    (tmp_path / "precious").mkdir()
    job = job_on(shelf, finished=5000.0)
    job.token = "../../precious"
    clock.later = KEPT + 1
    shelf.sweep([job])
    assert (tmp_path / "precious").exists()


def test_nothing_but_songs_and_uploads_is_ever_deleted(shelf, clock):
    for path in (shelf.songs / "readme.txt", shelf.songs.parent / "notes.txt"):
        path.write_text("mine")
    clock.later = KEPT + 1
    shelf.sweep([])
    shelf.close()
    assert (shelf.songs / "readme.txt").exists() and (shelf.songs.parent / "notes.txt").exists()


@pytest.mark.parametrize("name", ["songs", "uploads"])
def test_folders_of_somebody_else_are_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "Best of.wav").touch()
    with pytest.raises(InputError, match=rf"{name} is not the studio's.*give the studio an empty folder"):
        Shelf(tmp_path, KEPT)
    assert (tmp_path / name / "Best of.wav").exists()


def test_a_link_in_place_of_the_folder_of_songs_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "songs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"songs is not the studio's"):
        Shelf(tmp_path, KEPT)


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "studio").touch()
    with pytest.raises(InputError, match=r"studio cannot be written"):
        Shelf(tmp_path / "studio", KEPT)


def test_closing_leaves_nothing(shelf, tmp_path):
    upload(shelf)
    job_on(shelf)
    job_on(shelf, finished=1.0)
    shelf.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_leaves_what_was_there_before(tmp_path):
    first = Shelf(tmp_path, KEPT)
    song, sound = job_on(first).folder, upload(first)
    for path in (sound, sound.parent):
        _wait_for_the_disks_clock(path, tmp_path)
    second = Shelf(tmp_path, KEPT)
    job_on(second)
    upload(second, "new.wav")
    second.close()
    assert [path.name for path in second.songs.iterdir()] == [song.name]
    assert [path.name for path in second.uploads.rglob("*.wav")] == [sound.name]


def _wait_for_the_disks_clock(path: Path, folder: Path) -> None:
    """Until a new file is newer than `path`."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        (folder / "probe").unlink(missing_ok=True)
        (folder / "probe").touch()
        if (folder / "probe").stat().st_mtime > path.stat().st_mtime:
            return
    raise AssertionError("the clock of the disk stands still")
