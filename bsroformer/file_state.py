"""Whether something is still what it was: what tells of a file, without reading it, and a word for plain data."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any


def file_state(path: str | Path) -> list[Any]:
    """What changes when a file does: its name, length and time; of what is no file here, the name."""
    try:
        status = Path(path).stat()
    except OSError:
        return [str(path)]
    return [Path(path).name, status.st_size, status.st_mtime_ns]


def word_for(told: Any) -> str:
    """A word that stands for plain data: another one for other data, the same in every process."""
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
