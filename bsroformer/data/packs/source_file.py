"""Whether a file is still what it was: by size and time, and where these differ, by its content."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from bsroformer.errors import InputError

_PIECE = 2**22  # bytes read at a time


@dataclass(frozen=True)
class SourceFile:
    """A file that a pack was made of.

    Attributes:
        path: Where it was.
        stream: Which of its audio streams.
        size: Bytes.
        modified: Time of its last change, ns.
        digest: Of its content.
    """

    path: str
    stream: int
    size: int
    modified: int
    digest: str

    def known_again(self, path: Path, stream: int, digest_of: Callable[[Path], str]) -> "SourceFile | None":
        """The same file with the time that it has now, or None if it holds something else.

        Args:
            path: Where it is now.
            stream: Which of its audio streams is wanted.
            digest_of: Reads a file; asked only if the time has changed.

        Raises:
            OSError: If it cannot be looked at.
        """
        found = path.stat()
        if found.st_size != self.size or stream != self.stream:
            return None
        if found.st_mtime_ns == self.modified:
            return self
        return replace(self, modified=found.st_mtime_ns) if digest_of(path) == self.digest else None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tell the system's errors as one of a file.

    Raises:
        InputError: In their place.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the disk and its permissions.") from error


def source_file(path: Path, stream: int, content: str) -> SourceFile:
    """Describe a file whose digest is known.

    Raises:
        InputError: It cannot be looked at.
    """
    with reading(path):
        found = path.stat()
    return SourceFile(str(path), stream, found.st_size, found.st_mtime_ns, content)


def digest(path: Path) -> str:
    """BLAKE2b of a file's content, 128 bits in hexadecimal.

    Raises:
        InputError: It cannot be read.
    """
    found = blake2b(digest_size=16)
    with reading(path), path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
