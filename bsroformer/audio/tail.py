"""The end of a file as a file of its own."""

import os
from pathlib import Path


class Tail:
    """A file from one of its bytes on, for a library that begins at the first.

    Args:
        path: The file.
        offset: Its first byte that counts.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._file, self._offset = path.open("rb"), offset
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte, and return its number."""
        return self._file.seek(offset + (self._offset if whence == os.SEEK_SET else 0), whence) - self._offset

    def tell(self) -> int:
        """Number of the byte that is next."""
        return self._file.tell() - self._offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()
