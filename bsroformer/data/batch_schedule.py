"""The order of a run's excerpts, and how it is cut into batches."""

from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """Position of a run in its excerpts, for batches of any size."""

    batches: int = 0
    """Batches that one process has trained on, over all epochs."""
    epoch: int = 0
    """Epoch of the next excerpt."""
    excerpt: int = 0
    """Number of the next excerpt in its epoch, over all ranks."""


START = Position()


class BatchSizes(NamedTuple):
    """Numbers of excerpts, over all ranks."""

    epoch: int
    batch: int
    step: int
    """Excerpts between two updates of the weights."""


@dataclass(frozen=True)
class BatchSchedule:
    """Position of every batch: all of epoch 0, then all of epoch 1, and so on.

    Attributes:
        epoch: Excerpts of an epoch, over all ranks.
        batch: Excerpts of a batch, over all ranks; an incomplete last batch of an epoch is skipped.
        start: Position from which epochs and batches have had these sizes.
    """

    epoch: int
    batch: int
    start: Position = START

    def after(self, batches: int) -> Position:
        """Compute the position after a number of batches, at least that of the start."""
        scheduled = batches - self.start.batches
        left_in_epoch = max(0, self.epoch - self.start.excerpt) // self.batch
        if scheduled < left_in_epoch:
            excerpt = self.start.excerpt + scheduled * self.batch
            return Position(batches, self.start.epoch, excerpt)
        batches_per_epoch = self.epoch // self.batch
        epochs, number = divmod(scheduled - left_in_epoch, batches_per_epoch)
        return Position(batches, self.start.epoch + 1 + epochs, number * self.batch)
