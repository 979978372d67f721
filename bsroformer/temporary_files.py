"""Temporary files beside those they will replace: safe to create, and recognised once their writer was killed."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

TEMPORARY = re.compile(r"\.(?P<name>.+?)\.(?P<process>\d+)(?P<token>\.\w+)?\.part")
"""The name of the file to come, the process that writes it, and a random part (earlier versions had none)."""
OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Create an empty file beside `path`; it is removed at the end unless it was renamed.

    Its name cannot be guessed, no link is followed, and the system locks it for as long as this process lives.

    Raises:
        OSError: If it cannot be created.
    """
    with ExitStack() as clean_up:
        while True:
            partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
            partial.touch(exist_ok=False)  # O_EXCL: neither a file nor a link may be there
            clean_up.callback(_remove, partial)
            clean_up.enter_context(_locked(os.open(partial, OPEN)))
            if partial.exists():  # else another process took it for abandoned before it was locked
                break
        yield partial


@contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Create a folder in `parent`, recognised like a `temporary_file`; it is removed with its content at the end.

    Raises:
        OSError: If it cannot be created.
    """
    prefix = f".{name}.{os.getpid()}."
    with TemporaryDirectory(prefix=prefix, suffix=".part", dir=parent, ignore_cleanup_errors=True) as made:
        if os.name != "posix":
            yield Path(made)
            return
        with _locked(os.open(made, os.O_RDONLY)):
            yield Path(made)


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove what killed processes left of temporary files in a folder.

    Args:
        folder: Searched itself, not the folders below it.
        names: Ends of the names of the files to come, such as ``.wav``; others stay.
    """
    for path in folder.glob(".*.part"):
        parts = TEMPORARY.fullmatch(path.name)
        if parts is not None and parts["name"].endswith(names) and _is_abandoned(path, parts):
            _remove(path)


def bring_to_disk(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder, so that a power cut leaves no empty file.

    Raises:
        OSError: If a file cannot be written. Folders of some systems cannot be waited for.
    """
    if not path.is_dir():
        _sync(path, os.O_RDWR)
        return
    with suppress(OSError):
        _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    """Lock an open file until the context or the process ends, where the system can; then close it."""
    if sys.platform == "win32":  # which renames no open file
        os.close(handle)
        yield
        return
    import fcntl

    try:
        with suppress(OSError):  # some network drives have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_abandoned(path: Path, parts: re.Match[str]) -> bool:
    """Check that no process writes a temporary file any more, be it one in another container."""
    if sys.platform == "win32":  # which removes no open file
        return True
    if parts["token"] is None:
        return not is_running(int(parts["process"]))
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not is_running(int(parts["process"]))
    finally:
        os.close(handle)
    return True


def is_running(process: int) -> bool:
    """Check for a process of that number on this machine."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
