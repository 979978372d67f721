"""Training batches from any position of a run, in the middle of an epoch too."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, NamedTuple, TypeVar

from torch.utils.data import DataLoader, Dataset

from bsroformer.data.batch_schedule import START, BatchSchedule, Position
from bsroformer.data.excerpts import EpochSampler, ExcerptKey
from bsroformer.data.known_stems import TrainingBatch
from bsroformer.errors import InputError

T_co = TypeVar("T_co", covariant=True)
DEAD_WORKER = re.compile(r"DataLoader worker \(pid", re.IGNORECASE)
"""Beginning of PyTorch's message about a worker that a signal ended."""
SIGNAL_TIMEOUT_S = 1.0
"""Longest wait for that signal."""


def ignore_stop_signals(_: int) -> None:
    """Ignore SIGINT and SIGTERM in a worker.

    The training process handles them and ends its workers.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class ReadingError(InputError):
    """A batch could not be read. All batches before it have been trained on."""


class ReadingLoader(DataLoader[T_co]):
    """A loader that raises faults of tracks and of workers as a `ReadingError`."""

    def __iter__(self) -> Iterator[T_co]:  # type: ignore[override]
        """Yield batches.

        Raises:
            ReadingError: If one cannot be read, or a worker was ended.
        """
        try:
            yield from super().__iter__()
        except InputError as error:
            raise ReadingError(str(error)) from error
        except RuntimeError as error:
            if not is_of_dead_worker(error):
                raise
            raise ReadingError(dead_worker(error)) from error
        except (ConnectionError, EOFError) as error:  # the worker's end of the queue closed before its signal came
            raise ReadingError(dead_worker(_wait_for_signal() or error)) from error


def is_of_dead_worker(error: BaseException) -> bool:
    """Check for PyTorch's error about an ended worker.

    It is raised wherever the worker's signal arrives.
    """
    return isinstance(error, RuntimeError) and DEAD_WORKER.match(str(error)) is not None


def dead_worker(error: BaseException) -> str:
    """Describe what is known about an ended worker, and what to do."""
    reason = " ".join(str(error).split())
    return (
        f"a process that reads songs was ended by the system, most likely for want of memory ({reason}); lower "
        "data.num_workers or data.batch_size, or in a container allow more shared memory (/dev/shm)"
    )


def _wait_for_signal() -> RuntimeError | None:
    """Wait for the signal of an ended worker.

    Raised later, its error would hit other code.
    """
    try:
        time.sleep(SIGNAL_TIMEOUT_S)
    except RuntimeError as error:
        return error
    return None


class BatchCounts(NamedTuple):
    """Batches that the trainer has counted."""

    total: int
    """Batches that one process has trained on, over all epochs."""
    of_epoch: int
    """Batches that the trainer assigns to the current epoch."""


class TrainingLoader(ReadingLoader[TrainingBatch]):
    """Batches of random excerpts, resumed at the first untrained one.

    The schedule of a run is all of epoch 0, all of epoch 1, and so on. The next batch therefore follows from the number
    of batches trained on, which the trainer counts and saves in its checkpoints, and from the position at which the
    sizes of batches or epochs last changed.

    Args:
        dataset: Returns an excerpt by its key.
        batch_size: Excerpts in a batch; an incomplete last batch of an epoch is skipped.
        sampler: Keys of an epoch's excerpts.
        counts: Returns the trainer's counts; called when the first batch of an epoch is requested. None if nothing
            trains: the sampler's epoch then comes from its first batch.
        num_workers: Processes that read, which live for all epochs; 0 reads in this process.
        pin_memory: Put batches into memory that a GPU copies fast.
        start: Position from which batches and epochs have had these sizes.
    """

    def __init__(
        self,
        dataset: Dataset[TrainingBatch],
        batch_size: int,
        sampler: EpochSampler,
        counts: Callable[[], BatchCounts | None],
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
            worker_init_fn=ignore_stop_signals,
        )
        self.counts = counts
        self.schedule = BatchSchedule(sampler.size, batch_size * sampler.ranks, start)
        self._keys = sampler
        self._size = batch_size

    def __iter__(self) -> Iterator[TrainingBatch]:  # type: ignore[override]
        """Yield batches ``(b n c t)``.

        It is a generator, since Lightning calls it before it knows the run's position.
        """
        counts = self.counts()
        if counts is None:
            yield from super().__iter__()
            return
        # Lightning stops by its own count, except in an epoch that was complete when the checkpoint was written.
        left_in_epoch = max(0, len(self) - counts.of_epoch)
        batches = self._from(self.schedule.after(counts.total))
        yield from islice(batches, left_in_epoch)

    def _from(self, start: Position) -> Iterator[TrainingBatch]:
        first = start.excerpt
        for epoch in count(start.epoch):
            self._keys.set_epoch(epoch, first)
            yield from super().__iter__()
            first = 0

    def keys_of(self, batch: int) -> list[ExcerptKey]:
        """List the keys of a batch, counted from 0 over all epochs.

        The current batch is the one whose number is that of the batches trained on.
        """
        position = self.schedule.after(batch)
        return self._keys.of_epoch(position.epoch, position.excerpt)[: self._size]

    def state_dict(self) -> dict[str, Any]:
        """Return nothing, since the trainer's count suffices.

        Lightning resumes within an epoch only if this method exists.
        """
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Accept the empty state."""
