"""What of a file tells that it is another one, without reading it."""

from pathlib import Path
from typing import Any


def file_state(path: str | Path) -> list[Any]:
    """What changes when a file does: its name, length and time; of what is no file here, the name."""
    try:
        status = Path(path).stat()
    except OSError:
        return [str(path)]
    return [Path(path).name, status.st_size, status.st_mtime_ns]
