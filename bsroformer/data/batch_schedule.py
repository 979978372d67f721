"""Sizes of excerpts and batches, and the order in which a run trains on them."""

from dataclasses import dataclass
from typing import NamedTuple

from bsroformer.data.validation import PerSong
from bsroformer.errors import InputError

LEAST = {"batch_size": 1, "epoch_size": 1, "num_workers": 0, "overfit_songs": 1}
"""Least values of the numbers in `Batches`."""


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


@dataclass(frozen=True)
class Batches:
    """Sizes of excerpts, batches and epochs.

    Attributes:
        seconds: Length of an excerpt.
        batch_size: Excerpts in a batch of one device.
        epoch_size: Training excerpts of an epoch, over all devices.
        valid_per_song: Validation excerpts of each track; ``all`` are consecutive ones, which score whole songs.
        num_workers: Processes that read; 0 reads in the training process.
        overfit_songs: Train, validate and test on these first training tracks alone; None uses the splits.
        valid_seconds: Length of a validation excerpt; None is that of training.

    Raises:
        InputError: If a number is out of range.
    """

    seconds: float
    batch_size: int
    epoch_size: int
    valid_per_song: PerSong
    num_workers: int
    overfit_songs: int | None = None
    valid_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"data.{name}={value} must be {least} or more")
        if not _is_per_song(self.valid_per_song):
            raise InputError(f"data.valid_per_song={self.valid_per_song} must be 1 or more, or all")
        for name in ("seconds", "valid_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"data.{name}={value} must be above 0")


def _is_per_song(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return value == "all"
    return value >= 1
