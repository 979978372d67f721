"""Training batches from wherever a run stands, in the middle of an epoch too."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, NamedTuple, TypeVar

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bsroformer.data.batch_schedule import START, BatchSchedule, Position
from bsroformer.data.excerpts import EpochSampler, ExcerptKey
from bsroformer.errors import InputError

T_co = TypeVar("T_co", covariant=True)
OF_DEAD_WORKER = re.compile(r"DataLoader worker \(pid", re.IGNORECASE)
"""The beginning of what PyTorch says of a process that a signal ended."""
SIGNAL_S = 1.0
"""Longest time in which that signal comes."""


def leave_signals(_: int) -> None:
    """Let a process that reads end with the training, not by a signal to all processes, which the training answers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class ReadingError(InputError):
    """A batch could not be read. All batches before it have been trained on."""


class ReadingLoader(DataLoader[T_co]):
    """A loader whose faults are sentences: those of a song, and those of a process that reads."""

    def __iter__(self) -> Iterator[T_co]:  # type: ignore[override]
        """Batches.

        Raises:
            ReadingError: If one cannot be read, or a process that reads was ended.
        """
        try:
            yield from super().__iter__()
        except InputError as error:
            raise ReadingError(str(error)) from error
        except RuntimeError as error:
            if not is_of_dead_worker(error):
                raise
            raise ReadingError(dead_worker(error)) from error
        except (ConnectionError, EOFError) as error:  # its end of the queue was gone before its signal came
            raise ReadingError(dead_worker(_signalled() or error)) from error


def is_of_dead_worker(error: BaseException) -> bool:
    """Check for PyTorch's error of a process that a signal ended, which is raised wherever the signal comes."""
    return isinstance(error, RuntimeError) and OF_DEAD_WORKER.match(str(error)) is not None


def dead_worker(error: BaseException) -> str:
    """Say what is known of a process that reads and was ended, and what to do."""
    reason = " ".join(str(error).split())
    return (
        f"a process that reads songs was ended by the system, most likely for want of memory ({reason}): lower "
        "data.num_workers or data.batch_size, or in a container allow more shared memory (/dev/shm)"
    )


def _signalled() -> RuntimeError | None:
    """Wait for the signal of a process that is known to be gone: raised later, its error would hit other code."""
    try:
        time.sleep(SIGNAL_S)
    except RuntimeError as error:
        return error
    return None


class BatchCounts(NamedTuple):
    """Where a run stands."""

    batches: int
    """That one process has trained on, over all epochs."""
    of_epoch: int
    """Those of them that the trainer counts to the epoch under way."""


class TrainingLoader(ReadingLoader[Tensor]):
    """Batches of random excerpts, the next one after the last that was trained on; those of an epoch at a time.

    The batches of a run are one row: all of epoch 0, all of epoch 1, and so on. What comes next therefore follows from
    how many batches were trained on, which the trainer counts, and keeps in its checkpoints; and, if batches or epochs
    have not been as large all the time, from where they have been since.

    Args:
        dataset: Gives an excerpt by its key.
        batch_size: Excerpts in a batch; the last incomplete batch of an epoch is left out.
        sampler: Keys of an epoch's excerpts.
        position: Where the run stands; it is asked when the first batch of an epoch is wanted. None if nothing trains:
            the batches of the sampler's epoch then come from the first on.
        num_workers: Processes that read, which stay from epoch to epoch; 0 reads in this process.
        pin_memory: Whether batches lie in memory that a GPU copies fast.
        start: From where on batches and epochs have been as large.
    """

    def __init__(
        self,
        dataset: Dataset[Tensor],
        batch_size: int,
        sampler: EpochSampler,
        position: Callable[[], BatchCounts | None],
        num_workers: int,
        pin_memory: bool,
        start: Position = START,
    ) -> None:
        super().__init__(
            dataset,
            batch_size,
            sampler=sampler,
            drop_last=True,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            pin_memory=pin_memory,
            worker_init_fn=leave_signals,
        )
        self.position, self._keys, self._size = position, sampler, batch_size
        self.row = BatchSchedule(sampler.size, batch_size * sampler.ranks, start)

    def __iter__(self) -> Iterator[Tensor]:  # type: ignore[override]
        """Batches ``(b n c t)``. As a generator, since Lightning asks for it before it knows where the run stands."""
        position = self.position()
        if position is None:
            yield from super().__iter__()
        else:
            # Lightning stops by its own count, but for an epoch that was over when the checkpoint was written.
            yield from islice(self._from(self.row.after(position.batches)), max(0, len(self) - position.of_epoch))

    def _from(self, start: Position) -> Iterator[Tensor]:
        first = start.excerpt
        for epoch in count(start.epoch):
            self._keys.set_epoch(epoch, first)
            yield from super().__iter__()
            first = 0

    def keys_of(self, batch: int) -> list[ExcerptKey]:
        """The excerpts of a batch of the run, counted from 0 over all epochs, as `BatchCounts` counts them.

        The batch under way is the one with the number of batches trained on before it.
        """
        stand = self.row.after(batch)
        return self._keys.of_epoch(stand.epoch, stand.excerpt)[: self._size]

    def state_dict(self) -> dict[str, Any]:
        """Nothing beyond the trainer's count; that there is this method tells Lightning that epochs can be resumed."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
