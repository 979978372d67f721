"""A file object for FFmpeg, which crashes at errors such as a full disk."""

import os
from pathlib import Path


class DeferredErrorFile:
    """A file for writing that keeps the system's errors until `check` or `close`.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of the data, or nothing after an error."""
        remaining = memoryview(data)
        try:
            while remaining and self._error is None:
                written = self._file.write(remaining)
                remaining = remaining[written:]
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek to a byte."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the number of the current byte."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: See `check`.
        """
        self._file.close()
        self.check()

    def check(self) -> None:
        """Raise the first error of a write.

        Raises:
            OSError: That error.
        """
        if self._error is not None:
            raise self._error
