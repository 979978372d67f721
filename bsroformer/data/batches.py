"""Sizes of excerpts, batches and epochs, and how many processes read them."""

from dataclasses import dataclass

from bsroformer.data.validation import PerSong
from bsroformer.errors import InputError

LEAST = {"batch_size": 1, "epoch_size": 1, "num_workers": 0, "overfit_songs": 1}
"""Least values of the numbers in `Batches`."""


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

    Raises:
        InputError: If a number is out of range.
    """

    seconds: float
    batch_size: int
    epoch_size: int
    valid_per_song: PerSong
    num_workers: int
    overfit_songs: int | None = None

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"data.{name}={value} must be {least} or more")
        if not _is_per_song(self.valid_per_song):
            raise InputError(f"data.valid_per_song={self.valid_per_song} must be 1 or more, or all")
        if not self.seconds > 0:
            raise InputError(f"data.seconds={self.seconds} must be above 0")


def _is_per_song(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return value == "all"
    return value >= 1
