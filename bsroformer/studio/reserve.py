"""Space on the disk that is claimed before it is written."""

import shutil
from pathlib import Path
from threading import Lock
from types import TracebackType

KEPT_FREE = 500 * 2**20
"""Bytes of the disk that uploads and songs leave to everything else on the machine."""


class Claim:
    """Bytes that an upload or a song may write; as a context manager, it is released at the end.

    Args:
        reserve: What it is claimed from.
        size: Bytes in all.

    Attributes:
        size: As given.
        left: Bytes that are not written yet; those that are count as used by themselves.
    """

    def __init__(self, reserve: "Reserve", size: float) -> None:
        self._reserve = reserve
        self.size = size
        self.left = size

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def note_written(self, size: float) -> None:
        """Note that so many bytes in all are on the disk."""
        self.left = max(0.0, self.size - size)

    def release(self) -> None:
        """Give back what is left."""
        self._reserve.drop(self)


class Reserve:
    """The free space of a disk, less what uploads and songs have claimed of it.

    Args:
        folder: Any folder on the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._claims: set[Claim] = set()

    def claim(self, size: float) -> Claim | None:
        """Claim bytes of the disk; None if less than `KEPT_FREE` would be left then."""
        with self._lock:
            claimed = sum(claim.left for claim in self._claims)
            if self._free() - claimed - size < KEPT_FREE:
                return None
            claim = Claim(self, size)
            self._claims.add(claim)
            return claim

    def drop(self, claim: Claim) -> None:
        """Forget a claim, if it is not forgotten yet."""
        with self._lock:
            self._claims.discard(claim)

    @property
    def is_short(self) -> bool:
        """Whether even half of `KEPT_FREE` is used: what still writes must stop."""
        return self._free() < KEPT_FREE / 2

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free
