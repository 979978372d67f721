"""Detection of changes: the state of a file, without reading all of it, and a digest of plain data."""

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

SAMPLE_BYTES = 2**16


def file_state(path: str | Path) -> list[Any]:
    """What changes when a file does: its name, length and time; of what is no file here, the name."""
    try:
        status = Path(path).stat()
    except OSError:
        return [str(path)]
    return [Path(path).name, status.st_size, status.st_mtime_ns]


def file_fingerprint(path: str | Path) -> list[Any]:
    """Identify a file by its `file_state` and a digest of its beginning, middle and end.

    Files of one name, length and time, as an archive or a synchronised folder may hold them, differ by the digest. A
    file of up to three `SAMPLE_BYTES` is read whole.
    """
    state, found = file_state(path), sha256()
    with suppress(OSError), Path(path).open("rb") as file:
        size = state[1] if len(state) > 1 else 0
        for start in (0, max(SAMPLE_BYTES, (size - SAMPLE_BYTES) // 2), max(2 * SAMPLE_BYTES, size - SAMPLE_BYTES)):
            file.seek(start)
            found.update(file.read(SAMPLE_BYTES))
    return [*state, found.hexdigest()[:16]]


def word_for(told: Any) -> str:
    """A word that stands for plain data: another one for other data, the same in every process."""
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
