"""Detect changes of a file: by size and time, and if these differ, by its content."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from bsroformer.errors import InputError

READ_BYTES = 2**22
"""Bytes read at a time."""


@dataclass(frozen=True)
class SourceFile:
    """A file that a pack was built from.

    Attributes:
        path: Its path then.
        stream: Number of the audio stream.
        size: Bytes.
        modified: Modification time, ns.
        digest: Digest of its content.
        minus: Names of the stems that were subtracted; None if unknown, as in packs of older versions.
        plus: Names of the further files that were added.
    """

    path: str
    stream: int
    size: int
    modified: int
    digest: str
    minus: tuple[str, ...] | None = None
    plus: tuple[str, ...] = ()

    def if_unchanged(self, path: Path, stream: int, digest_of: Callable[[Path], str]) -> "SourceFile | None":
        """Update the modification time, or return None if the content has changed.

        Args:
            path: Its path now.
            stream: Number of the requested audio stream.
            digest_of: Reads a file; called only if the time has changed.

        Raises:
            OSError: If the file cannot be accessed.
        """
        status = path.stat()
        if status.st_size != self.size or stream != self.stream:
            return None
        if status.st_mtime_ns == self.modified:
            return self
        if digest_of(path) != self.digest:
            return None
        return replace(self, modified=status.st_mtime_ns)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors of the system into one that names the file.

    Raises:
        InputError: In their place.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the disk and its permissions.") from error


def source_file(path: Path, stream: int, content: str) -> SourceFile:
    """Describe a file by its known digest.

    Raises:
        InputError: It cannot be accessed.
    """
    with reading(path):
        status = path.stat()
    return SourceFile(str(path), stream, status.st_size, status.st_mtime_ns, content)


def digest(path: Path) -> str:
    """Compute the BLAKE2b digest of a file's content, 128 bits in hexadecimal.

    Raises:
        InputError: It cannot be read.
    """
    hasher = blake2b(digest_size=16)
    with reading(path), path.open("rb") as file:
        while content := file.read(READ_BYTES):
            hasher.update(content)
    return hasher.hexdigest()
