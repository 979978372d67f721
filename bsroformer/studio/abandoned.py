"""Folders of studios whose process was killed: their songs are deleted by the next studio beside them."""

import re
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bsroformer.studio.deleting import delete, delete_files, entries, newest

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
"""What `secrets.token_urlsafe(24)` looks like."""
MARK = ".studio"
"""A file in a studio's folder: songs and uploads beside it may be deleted. An open studio holds a lock on it."""
SONGS, UPLOADS = "songs", "uploads"
NO_LOCK = (Timeout, OSError, NotImplementedError)
"""Raised where another process holds a lock, or where the disk knows none."""


def lock_of(folder: Path) -> FileLock:
    """The lock that a studio holds on its folder; the system releases it when the process ends, however it ends."""
    return FileLock(folder / MARK, thread_local=False)


def sweep_neighbours(root: Path, before: float) -> None:
    """Delete what killed studios left in the folders beside `root`.

    Args:
        root: Folder of this studio.
        before: Songs and uploads that changed after this time stay, in seconds as files have them.
    """
    for entry in entries(root.parent):
        folder = Path(entry.path)
        mark = folder / MARK
        with suppress(OSError):
            if folder != root and entry.is_dir(follow_symlinks=False) and mark.is_file() and not mark.is_symlink():
                _sweep(folder, before)


def _sweep(folder: Path, before: float) -> None:
    lock = lock_of(folder)
    try:
        lock.acquire(timeout=0)
    except NO_LOCK:
        return  # its studio is open
    try:
        _delete_old(folder, before)
    finally:
        lock.release()


def _delete_old(folder: Path, before: float) -> None:
    """Delete old songs and uploads, and the folder if nothing else is in it."""
    songs, uploads = folder / SONGS, folder / UPLOADS
    if songs.is_symlink() or uploads.is_symlink():
        return
    for entry in entries(songs):
        song = Path(entry.path)
        if TOKEN.fullmatch(entry.name) and newest(song) < before:
            delete(song)
    delete_files(uploads, lambda changed: changed < before)
    with suppress(FileNotFoundError):
        songs.rmdir()
    with suppress(FileNotFoundError):
        uploads.rmdir()
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()
