"""Detection of changes: states of files, and digests of plain data."""

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

DIGEST_DIGITS = 16
"""Hexadecimal digits of a digest."""
SAMPLED_BYTES = 2**16
"""Bytes of a file that its fingerprint reads at the beginning, in the middle and at the end."""


def file_state(path: str | Path) -> list[Any]:
    """Return name, size and modification time of a file.

    Only the path if the file does not exist.
    """
    try:
        status = Path(path).stat()
    except OSError:
        return [str(path)]
    return [Path(path).name, status.st_size, status.st_mtime_ns]


def file_fingerprint(path: str | Path) -> list[Any]:
    """Return the `file_state` of a file and a digest of its beginning, middle and end.

    Files of one name, size and time, as an archive or a synchronised folder may hold them, differ by the digest. A
    file of up to three `SAMPLED_BYTES` is read whole.
    """
    state = file_state(path)
    content = sha256()
    with suppress(OSError), Path(path).open("rb") as file:
        size = state[1] if len(state) > 1 else 0
        middle = max(SAMPLED_BYTES, (size - SAMPLED_BYTES) // 2)
        end = max(2 * SAMPLED_BYTES, size - SAMPLED_BYTES)
        for start in (0, middle, end):
            file.seek(start)
            content.update(file.read(SAMPLED_BYTES))
    return [*state, content.hexdigest()[:DIGEST_DIGITS]]


def digest(data: Any) -> str:
    """Compute a digest of plain data, the same in every process."""
    text = json.dumps(data, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]
