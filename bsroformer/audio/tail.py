"""A file object for the end of a file."""

import os
from pathlib import Path


class Tail:
    """A file without its first bytes, for libraries that read from the beginning.

    Args:
        path: The file.
        offset: Number of bytes to skip.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb")
        self._offset = offset
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read a number of bytes, all by default."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek to a byte and return its number."""
        if whence == os.SEEK_SET:
            offset += self._offset
        return self._file.seek(offset, whence) - self._offset

    def tell(self) -> int:
        """Return the number of the current byte."""
        return self._file.tell() - self._offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()
