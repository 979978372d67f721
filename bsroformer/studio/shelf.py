"""Folders of songs, until they are deleted."""

import math
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import gettempprefix

from bsroformer.atomic import writing
from bsroformer.errors import InputError
from bsroformer.studio.abandoned import MARK, NO_LOCK, SONGS, TOKEN, UPLOADS, lock_of, sweep_neighbours
from bsroformer.studio.deleting import changed, delete, delete_files, entries, newest
from bsroformer.studio.job import Job

PARTIAL_SECONDS = 120.0
"""A partial upload that has not changed for so long was given up."""
LOCK_SECONDS = 1.0
"""How long a studio beside this one may look whether its folder is abandoned."""


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
        self.songs, self.uploads = self._root / SONGS, self._root / UPLOADS
        self.keep_seconds, self._clock, self._calendar = keep_seconds, clock, calendar
        self._tokens = set[str]()
        self._makes_root = not self._root.exists()
        with writing(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim()
        self._lock = lock_of(self._root)
        with suppress(*NO_LOCK):
            self._lock.acquire(timeout=LOCK_SECONDS)
        self._opened = changed(self._root / MARK)  # by the clock of the disk, which may be a little behind

    def _claim(self) -> None:
        """Make the folders, or make sure that they are the studio's: what is in them will be deleted."""
        mark = self._root / MARK
        for folder in (self.songs, self.uploads):
            if folder.is_symlink() or (folder.exists() and not mark.exists() and any(folder.iterdir())):
                raise InputError(
                    f"{folder} is not the studio's, which would delete what is in it: give the studio an empty folder"
                )
        self.restore()

    def restore(self) -> None:
        """Make the folders, also again after a cleaner of temporary files has removed them.

        Raises:
            InputError: If that is impossible.
        """
        with writing(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._root / MARK).touch()
            for folder in (self.songs, self.uploads):
                if folder.is_symlink():
                    raise InputError(f"{folder} is a link, which the studio did not make: remove it")
                folder.mkdir(mode=0o700, exist_ok=True)

    def new(self) -> tuple[str, Path]:
        """A new token, and the folder of the song that it stands for.

        Raises:
            InputError: If the folder cannot be made.
        """
        self.restore()
        token = secrets.token_urlsafe(24)
        folder = self.songs / token
        with writing(folder):
            folder.mkdir(mode=0o700)
        self._tokens.add(token)
        return token, folder

    def discard(self, token: str) -> None:
        """Delete the folder of a song."""
        delete(self.songs / token)
        self._tokens.discard(token)

    def delete_upload(self, path: Path) -> None:
        """Delete an upload; a file elsewhere stays."""
        if self.uploads in path.resolve().parents:
            with suppress(OSError):
                path.unlink()

    def delete_partial_uploads(self, before: float = math.inf) -> None:
        """Delete the files that Gradio was still writing; complete ones have folders of their own.

        Args:
            before: Only those that last changed before this time.
        """
        for entry in entries(self.uploads):
            if entry.name.startswith(gettempprefix()) and changed(entry.path) < before:
                with suppress(OSError):
                    Path(entry.path).unlink()

    def sweep(self, jobs: Iterable[Job]) -> set[str]:
        """Delete what has expired; returns the tokens of jobs whose files are gone, to be forgotten.

        These are the folders of songs that ended long ago; those that no job knows and in which nothing changes any
        more, here and beside this folder (a killed process left them); partial uploads that were given up; and
        uploads, except those that a job is still to read.

        Args:
            jobs: All there are.
        """
        known = {job.token: job for job in jobs}
        expired = {token for token, job in known.items() if self._is_expired(job)}
        before = self._calendar() - self.keep_seconds
        for folder in self._folders():
            if folder.name in expired or (folder.name not in known and newest(folder) < before):
                delete(folder)
        self._tokens -= expired
        still_read = {job.wish.source.resolve() for job in known.values() if job.finished is None}
        self.delete_partial_uploads(self._calendar() - PARTIAL_SECONDS)
        delete_files(self.uploads, lambda changed: changed < before, still_read)
        sweep_neighbours(self._root, before)
        return expired

    def close(self) -> None:
        """Delete all that came since this shelf was opened, and the shelf, if nothing else is on it."""
        for token in list(self._tokens):
            self.discard(token)
        delete_files(self.uploads, lambda changed: changed >= self._opened)
        self._lock.release(force=True)
        with suppress(OSError):
            self.songs.rmdir()
            self.uploads.rmdir()
            (self._root / MARK).unlink(missing_ok=True)
            if self._makes_root:
                self._root.rmdir()

    def _is_expired(self, job: Job) -> bool:
        return job.finished is not None and self._clock() - job.finished > self.keep_seconds

    def _folders(self) -> list[Path]:
        return [Path(entry.path) for entry in entries(self.songs) if TOKEN.fullmatch(entry.name)]
