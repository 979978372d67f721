"""The studio's folder of songs and uploads, and the disk space for them."""

import math
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempprefix
from threading import Lock

from bsroformer.atomic import writing
from bsroformer.errors import InputError
from bsroformer.studio.cleanup import (
    MARKER,
    NO_LOCK,
    SONGS,
    TOKEN,
    UPLOADS,
    changed,
    clean_up_neighbours,
    delete_files,
    delete_folder,
    entries,
    lock_of,
    newest_change,
)

KEEP_FREE = 500 * 2**20
"""Bytes of the disk that uploads and songs leave to the rest of the machine."""
PARTIAL_SECONDS = 120.0
"""A partial upload that has not changed for so long was abandoned."""
LOCK_SECONDS = 1.0
"""How long another studio's cleanup may hold the lock."""


class Reservation:
    """Bytes of the disk that an upload or a song may write.

    Args:
        disk: The disk space that they are part of.
        size: Bytes in all.

    Attributes:
        left: Bytes that are not written yet.
    """

    def __init__(self, disk: "DiskSpace", size: float) -> None:
        self._disk = disk
        self.size = size
        self.left = size

    def note_written(self, size: float) -> None:
        """Note how many bytes are on the disk: these are no longer free anyway."""
        self.left = max(0.0, self.size - size)

    def release(self) -> None:
        """Give back the bytes that were not written."""
        self._disk.release(self)


class DiskSpace:
    """The free space of a disk, minus the reservations of uploads and songs.

    Args:
        folder: Any folder on the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._reservations: set[Reservation] = set()

    def reserve(self, size: float) -> Reservation | None:
        """Reserve bytes; None if less than `KEEP_FREE` would be left."""
        with self._lock:
            reserved = sum(each.left for each in self._reservations)
            free = shutil.disk_usage(self._folder).free
            if free - reserved - size < KEEP_FREE:
                return None
            reservation = Reservation(self, size)
            self._reservations.add(reservation)
            return reservation

    @contextmanager
    def reserved(self, size: float) -> Iterator[Reservation | None]:
        """Reserve bytes until the block ends, see `reserve`."""
        reservation = self.reserve(size)
        try:
            yield reservation
        finally:
            if reservation is not None:
                reservation.release()

    def release(self, reservation: Reservation) -> None:
        """Forget a reservation, if it is not forgotten yet."""
        with self._lock:
            self._reservations.discard(reservation)


def is_nearly_full(folder: Path) -> bool:
    """Return whether even half of `KEEP_FREE` is used: writing must stop."""
    return shutil.disk_usage(folder).free < KEEP_FREE / 2


class Workspace:
    """Folder of uploads and songs, which keeps them for a while.

    Args:
        root: The folder, created if missing. Songs are in ``songs``, uploads in ``uploads``; nothing else is touched.
        keep_seconds: How long a song stays after its end, and an upload after its arrival.
        clock: Returns seconds, as `Job.finished_at` has them.
        calendar: Returns seconds, as files have them.

    Attributes:
        songs: Folder of the songs' folders.
        uploads: Folder of the uploads.
        disk: The disk space for both.
        keep_seconds: As given.

    Raises:
        InputError: The folder cannot be created, or holds songs or uploads of another program.
    """

    def __init__(
        self,
        root: Path,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        calendar: Callable[[], float] = time.time,
    ) -> None:
        self._root = root.resolve()
        self.songs = self._root / SONGS
        self.uploads = self._root / UPLOADS
        self.disk = DiskSpace(self.songs)
        self.keep_seconds = keep_seconds
        self._clock = clock
        self._calendar = calendar
        self._tokens = set[str]()
        self._creates_root = not self._root.exists()
        self._check_owner()
        self.restore()
        self._lock = lock_of(self._root)
        with suppress(*NO_LOCK):
            self._lock.acquire(timeout=LOCK_SECONDS)
        self._opened = changed(self._root / MARKER)  # by the disk's clock, which may differ a little

    def _check_owner(self) -> None:
        """Raise `InputError` if the folders are not ours: files in them are deleted."""
        marker = self._root / MARKER
        with writing(self._root):
            for folder in (self.songs, self.uploads):
                is_foreign = folder.exists() and not marker.exists() and any(folder.iterdir())
                if folder.is_symlink() or is_foreign:
                    raise InputError(
                        f"{folder} was not created by the studio, which would delete its files; give an empty folder"
                    )

    def restore(self) -> None:
        """Create the folders, also after a cleaner of temporary files has removed them.

        Raises:
            InputError: A folder cannot be created.
        """
        with writing(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._root / MARKER).touch()
            for folder in (self.songs, self.uploads):
                if folder.is_symlink():
                    raise InputError(f"{folder} is a link that the studio did not create; remove it")
                folder.mkdir(mode=0o700, exist_ok=True)

    def new_song(self) -> tuple[str, Path]:
        """Create a song's folder; return its token and the folder.

        Raises:
            InputError: The folder cannot be created.
        """
        self.restore()
        token = secrets.token_urlsafe(24)
        folder = self.songs / token
        with writing(folder):
            folder.mkdir(mode=0o700)
        self._tokens.add(token)
        return token, folder

    def delete_song(self, token: str) -> None:
        """Delete the folder of a song."""
        delete_folder(self.songs / token)
        self._tokens.discard(token)

    def delete_upload(self, path: Path) -> None:
        """Delete an upload; a file elsewhere stays."""
        if self.uploads in path.resolve().parents:
            with suppress(OSError):
                path.unlink()

    def delete_partial_uploads(self, before: float = math.inf) -> None:
        """Delete files that Gradio was still writing; complete ones have folders.

        Args:
            before: Time; what changed later stays.
        """
        for entry in entries(self.uploads):
            if entry.name.startswith(gettempprefix()) and changed(entry.path) < before:
                with suppress(OSError):
                    Path(entry.path).unlink()

    def delete_expired(self, finished: Mapping[str, float | None], in_use: Collection[Path] = ()) -> set[str]:
        """Delete expired songs and uploads, also those of killed studios beside this one.

        Args:
            finished: When each known song ended, by token; None if it has not.
            in_use: Uploads that are still to be read.

        Returns:
            The tokens of the songs that have expired.
        """
        now = self._clock()
        expired = {token for token, end in finished.items() if end is not None and now - end > self.keep_seconds}
        before = self._calendar() - self.keep_seconds
        for entry in entries(self.songs):
            folder = Path(entry.path)
            if not TOKEN.fullmatch(entry.name):
                continue
            if entry.name in expired or (entry.name not in finished and newest_change(folder) < before):
                delete_folder(folder)
        self._tokens -= expired
        self.delete_partial_uploads(self._calendar() - PARTIAL_SECONDS)
        delete_files(self.uploads, lambda changed: changed < before, {path.resolve() for path in in_use})
        clean_up_neighbours(self._root, before)
        return expired

    def close(self) -> None:
        """Delete all songs and uploads since the start, and the folder if it is empty."""
        for token in list(self._tokens):
            self.delete_song(token)
        delete_files(self.uploads, lambda changed: changed >= self._opened)
        self._lock.release(force=True)
        with suppress(OSError):
            self.songs.rmdir()
            self.uploads.rmdir()
            (self._root / MARKER).unlink(missing_ok=True)
            if self._creates_root:
                self._root.rmdir()
