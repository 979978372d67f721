"""Processes that share the songs of an evaluation.

Each takes the next song when it is free.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from bsroformer.cli.torchrun import by_torchrun

if TYPE_CHECKING:
    from torch.distributed import TCPStore

T = TypeVar("T")
NO_TIMEOUT = timedelta(days=365)
"""Time for the other processes: torchrun ends all of them when one fails."""


@dataclass(frozen=True)
class SharedSongs:
    """A process of several, and torchrun's store that coordinates them.

    Attributes:
        store: The store.
        rank: Number of this process.
        processes: Number of processes.
    """

    store: "TCPStore"
    rank: int
    processes: int

    @classmethod
    def by_torchrun(cls) -> "SharedSongs | None":
        """Return this process, if torchrun started it with others."""
        if not by_torchrun() or os.environ["WORLD_SIZE"] == "1":
            return None
        from torch.distributed import TCPStore

        store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
        return cls(store, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))

    def share(self, songs: Sequence[T]) -> Iterator[T]:
        """Yield the songs that no other process has taken."""
        number = self._take()
        while number < len(songs):
            yield songs[number]
            number = self._take()

    def _take(self) -> int:
        return int(self.store.add(self._key("taken"), 1)) - 1

    def wait_for_start(self) -> None:
        """Wait until the first process has called this, after its preparations."""
        if self.rank == 0:
            self.store.set(self._key("started"), "")
        self.store.wait([self._key("started")], NO_TIMEOUT)

    def wait_for_end(self) -> None:
        """Wait in the first process until every process has called this."""
        self.store.set(self._key(f"ended/{self.rank}"), "")
        if self.rank == 0:
            self.store.wait([self._key(f"ended/{rank}") for rank in range(self.processes)], NO_TIMEOUT)

    def _key(self, name: str) -> str:
        """Key of this start.

        After a failure, torchrun starts all processes again, with the same store.
        """
        return f"bsroformer/eval/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}/{name}"
