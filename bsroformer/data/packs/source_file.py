"""Whether a file is still what it was: by size and time, and where these differ, by its content."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

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


def source_file(path: Path, stream: int, content: str) -> SourceFile:
    """Describe a file whose digest is known."""
    found = path.stat()
    return SourceFile(str(path), stream, found.st_size, found.st_mtime_ns, content)


def digest(path: Path) -> str:
    """BLAKE2b of a file's content, 128 bits in hexadecimal."""
    found = blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
