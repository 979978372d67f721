"""Deletion of old files, also those of killed studios; no link is followed."""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
"""The form of ``secrets.token_urlsafe(24)``."""
MARKER = ".studio"
"""File in a workspace: its songs and uploads may be deleted. An open studio holds a lock on it."""
SONGS = "songs"
UPLOADS = "uploads"
NO_LOCK = (Timeout, OSError, NotImplementedError)
"""Raised if another process holds the lock, or if the disk has no locks."""


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """List a folder; an empty list if it is gone."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def changed(path: str | Path) -> float:
    """Return when a file arrived or changed: a copy has the time of its original."""
    try:
        state = os.lstat(path)
    except OSError:
        return 0.0
    return max(state.st_mtime, state.st_ctime)


def newest_change(folder: Path) -> float:
    """Return when anything in a folder last changed."""
    return max(changed(folder), *(changed(path) for path in _below(folder)), 0.0)


def _below(folder: Path) -> Iterator[str]:
    for entry in entries(folder):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))


def delete_files(folder: Path, unwanted: Callable[[float], bool], keep: Collection[Path] = ()) -> None:
    """Delete the files below a folder, and empty folders, by when they changed."""
    for entry in entries(folder):
        path = Path(entry.path)
        is_unwanted = unwanted(changed(path))  # before its files are deleted, which changes a folder
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                delete_files(path, unwanted, keep)
                if is_unwanted:
                    path.rmdir()
            elif is_unwanted and path not in keep:
                path.unlink()


def delete_folder(folder: Path) -> None:
    """Delete a folder, or a link of its name, as far as possible."""
    with suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)  # which follows no links either


def lock_of(workspace: Path) -> FileLock:
    """Return the lock of a workspace, which ends with the studio's process."""
    return FileLock(workspace / MARKER, thread_local=False)


def clean_up_neighbours(workspace: Path, before: float) -> None:
    """Delete what killed studios left in workspaces beside this one.

    Args:
        workspace: Folder of this studio.
        before: Time, as files have it; what changed later stays.
    """
    for entry in entries(workspace.parent):
        folder = Path(entry.path)
        with suppress(OSError):
            if folder != workspace and entry.is_dir(follow_symlinks=False) and _has_marker(folder):
                _clean_up_unlocked(folder, before)


def _has_marker(folder: Path) -> bool:
    marker = folder / MARKER
    return marker.is_file() and not marker.is_symlink()


def _clean_up_unlocked(workspace: Path, before: float) -> None:
    lock = lock_of(workspace)
    try:
        lock.acquire(timeout=0)
    except NO_LOCK:
        return  # its studio is open
    try:
        _clean_up(workspace, before)
    finally:
        lock.release()


def _clean_up(workspace: Path, before: float) -> None:
    """Delete old songs and uploads, and the workspace if nothing else is in it."""
    songs = workspace / SONGS
    uploads = workspace / UPLOADS
    if songs.is_symlink() or uploads.is_symlink():
        return
    for entry in entries(songs):
        song = Path(entry.path)
        if TOKEN.fullmatch(entry.name) and newest_change(song) < before:
            delete_folder(song)
    delete_files(uploads, lambda changed: changed < before)
    with suppress(FileNotFoundError):
        songs.rmdir()
    with suppress(FileNotFoundError):
        uploads.rmdir()
    (workspace / MARKER).unlink(missing_ok=True)
    workspace.rmdir()
