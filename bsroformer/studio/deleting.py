"""Old files and folders: when they changed, and their deletion, which follows no link."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is no more."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def changed(path: str | Path) -> float:
    """When a file came here or last changed: a copy may have the time of its original."""
    try:
        state = os.lstat(path)
    except OSError:
        return 0.0
    return max(state.st_mtime, state.st_ctime)


def newest(folder: Path) -> float:
    """When anything in a folder last changed."""
    return max(changed(folder), *(changed(path) for path in _below(folder)), 0.0)


def _below(folder: Path) -> Iterator[str]:
    """Everything in a folder, at any depth; links are not followed."""
    for entry in entries(folder):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))


def delete_files(folder: Path, unwanted: Callable[[float], bool], kept: Collection[Path] = ()) -> None:
    """Delete the files below a folder that changed at an unwanted time, and such folders if they are empty then."""
    for entry in entries(folder):
        path = Path(entry.path)
        goes = unwanted(changed(path))  # asked first, since emptying a folder changes it
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                delete_files(path, unwanted, kept)
                if goes:
                    path.rmdir()
            elif goes and path not in kept:
                path.unlink()


def delete(folder: Path) -> None:
    """Delete a folder, or a link that has its name; what cannot be deleted stays."""
    with suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)  # which does not follow links either
