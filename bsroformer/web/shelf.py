"""Folders of songs, until they are deleted."""

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from bsroformer.atomic import writing
from bsroformer.errors import InputError
from bsroformer.web.job import Job

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
"""What `secrets.token_urlsafe(24)` looks like."""
MARK = ".studio"
"""Name of the file by which a shelf knows that what is on it may be deleted."""


class Shelf:
    """Where uploads and songs are kept for a while.

    Args:
        root: Its folder, which is made if need be. Songs have theirs in ``songs``, uploads are in ``uploads``; nothing
            else of it is touched.
        keep_seconds: How long a song stays after it ended, and an upload after it came.
        clock: Seconds, as `Job.finished` has them.
        calendar: Seconds, as files have them.

    Attributes:
        songs: The folder of the songs' folders.
        uploads: The folder of the uploads.
        keep_seconds: As given.

    Raises:
        InputError: If the folder cannot be made, or holds songs or uploads that are not the studio's.
    """

    def __init__(
        self,
        root: Path,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        calendar: Callable[[], float] = time.time,
    ) -> None:
        self._root = root.resolve()
        self.songs, self.uploads = self._root / "songs", self._root / "uploads"
        self.keep_seconds, self._clock, self._calendar = keep_seconds, clock, calendar
        self._tokens = set[str]()
        self._makes_root = not self._root.exists()
        with writing(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim()

    def _claim(self) -> None:
        """Make the folders, or make sure that they are the studio's: what is in them will be deleted."""
        mark = self._root / MARK
        for folder in (self.songs, self.uploads):
            if folder.is_symlink() or (folder.exists() and not mark.exists() and any(folder.iterdir())):
                raise InputError(
                    f"{folder} is not the studio's, which would delete what is in it: give the studio an empty folder"
                )
        mark.touch()
        self._opened = _changed(mark)  # by the clock of the disk, which may be a little behind
        for folder in (self.songs, self.uploads):
            folder.mkdir(mode=0o700, exist_ok=True)

    def new(self) -> tuple[str, Path]:
        """A new token, and the folder of the song that it stands for.

        Raises:
            InputError: If the folder cannot be made.
        """
        token = secrets.token_urlsafe(24)
        folder = self.songs / token
        with writing(folder):
            folder.mkdir(mode=0o700)
        self._tokens.add(token)
        return token, folder

    def discard(self, token: str) -> None:
        """Delete the folder of a song."""
        _delete(self.songs / token)
        self._tokens.discard(token)

    def sweep(self, jobs: Iterable[Job]) -> set[str]:
        """Delete what is there for too long; returns the tokens of jobs whose files are gone, to be forgotten.

        What is too old are the folders of songs that ended long ago, those that no job knows and in which nothing
        happens any more (a killed process left them), and uploads, but for those that a job is still to read.

        Args:
            jobs: All there are.
        """
        known = {job.token: job for job in jobs}
        expired = {token for token, job in known.items() if self._is_expired(job)}
        before = self._calendar() - self.keep_seconds
        for folder in self._folders():
            if folder.name in expired or (folder.name not in known and _newest(folder) < before):
                _delete(folder)
        self._tokens -= expired
        still_read = {job.wish.source.resolve() for job in known.values() if job.finished is None}
        _delete_files(self.uploads, lambda changed: changed < before, still_read)
        return expired

    def close(self) -> None:
        """Delete all that came since this shelf was opened, and the shelf, if nothing else is on it."""
        for token in list(self._tokens):
            self.discard(token)
        _delete_files(self.uploads, lambda changed: changed >= self._opened)
        with suppress(OSError):
            self.songs.rmdir()
            self.uploads.rmdir()
            (self._root / MARK).unlink(missing_ok=True)
            if self._makes_root:
                self._root.rmdir()

    def _is_expired(self, job: Job) -> bool:
        return job.finished is not None and self._clock() - job.finished > self.keep_seconds

    def _folders(self) -> list[Path]:
        return [Path(entry.path) for entry in _entries(self.songs) if TOKEN.fullmatch(entry.name)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is no more."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _changed(path: str | Path) -> float:
    """When a file came here or last changed: a copy may have the time of its original."""
    try:
        state = os.lstat(path)
    except OSError:
        return 0.0
    return max(state.st_mtime, state.st_ctime)


def _newest(folder: Path) -> float:
    """When anything in a folder last changed."""
    return max(_changed(folder), *(_changed(path) for path in _below(folder)), 0.0)


def _below(folder: Path) -> Iterator[str]:
    """Everything in a folder, at any depth; links are not followed."""
    for entry in _entries(folder):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))


def _delete_files(folder: Path, unwanted: Callable[[float], bool], kept: Collection[Path] = ()) -> None:
    """Delete the files below a folder that changed at an unwanted time, and such folders if they are empty then."""
    for entry in _entries(folder):
        path = Path(entry.path)
        goes = unwanted(_changed(path))  # asked first, since emptying a folder changes it
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                _delete_files(path, unwanted, kept)
                if goes:
                    path.rmdir()
            elif goes and path not in kept:
                path.unlink()


def _delete(folder: Path) -> None:
    """Delete a folder, or a link that has its name; what cannot be deleted stays."""
    with suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)  # which does not follow links either
