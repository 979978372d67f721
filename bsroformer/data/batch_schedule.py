"""The row of excerpts that a run is trained on, and how it is cut into batches."""

from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """Where a run stands, whatever the size of its batches so far."""

    batches: int = 0
    """That one process has trained on, over all epochs."""
    epoch: int = 0
    """Of the next excerpt."""
    excerpt: int = 0
    """Its number in the epoch, over all ranks."""


START = Position()


class BatchSizes(NamedTuple):
    """Numbers of excerpts, over all ranks."""

    epoch: int
    batch: int
    step: int
    """Between two updates of the weights."""


@dataclass(frozen=True)
class BatchSchedule:
    """The excerpts of a run: all of epoch 0, all of epoch 1, and so on.

    Attributes:
        epoch: Excerpts of an epoch, over all ranks.
        batch: Excerpts of a batch, over all ranks; the last incomplete batch of an epoch is left out.
        start: From where on epochs and batches have been as large.
    """

    epoch: int
    batch: int
    start: Position = START

    def after(self, batches: int) -> Position:
        """Where the run stands after so many batches, which are no fewer than at the start."""
        made = batches - self.start.batches
        rest_of_epoch = max(0, self.epoch - self.start.excerpt) // self.batch
        if made < rest_of_epoch:
            return Position(batches, self.start.epoch, self.start.excerpt + made * self.batch)
        epochs, number = divmod(made - rest_of_epoch, self.epoch // self.batch)
        return Position(batches, self.start.epoch + 1 + epochs, number * self.batch)
