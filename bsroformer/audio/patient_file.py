"""A file for FFmpeg, which crashes at some errors of the system, such as a full disk."""

import os
from pathlib import Path


class PatientFile:
    """A file to be written that keeps the system's errors until it is asked for them.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of it; after an error, nothing more."""
        rest = memoryview(data)
        try:
            while rest and self._error is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: See `check`.
        """
        self._file.close()
        self.check()

    def check(self) -> None:
        """Make sure that all was written.

        Raises:
            OSError: What was wrong, if not.
        """
        if self._error is not None:
            raise self._error
