"""What is evaluated: whatever gives estimates of a song's stems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry
from bsroformer.inference import StreamSeparator
from bsroformer.inference.overflow import overflow_reason


class Method(Protocol):
    """Gives estimates of the stems of a song."""

    @property
    def name(self) -> str:
        """As tables and folders call it."""

    @property
    def kind(self) -> str:
        """``model``, ``estimates``, ``mixture`` or ``oracle``."""

    @property
    def device_bound(self) -> bool:
        """Whether its estimates are computed one after another, as a model's are; else in the threads that score."""

    def mark(self, song: TrackEntry) -> str | None:
        """A word that is another one when its estimates of the song may be; None if there is no knowing."""

    def estimate(self, song: TrackAudio) -> Tensor:
        """The stems ``(n c t)`` in the order of ``song.stems``.

        Raises:
            InputError: If they cannot be had.
        """


@dataclass(frozen=True)
class Separated:
    """A model.

    Attributes:
        name: As tables and folders call it.
        separator: What separates.
        names: The stems that are scored, to the separator's names of them.
        settings: A word that stands for its weights and settings: scores under another one, or None, are not kept.
    """

    name: str
    separator: StreamSeparator
    names: Mapping[str, str]
    settings: str | None = None
    kind: str = "model"
    device_bound: bool = True

    def mark(self, song: TrackEntry) -> str | None:
        """Its settings, whatever the song."""
        return self.settings

    def estimate(self, song: TrackAudio) -> Tensor:
        """Separate the mixture.

        Raises:
            InputError: If the result is unusable, which must not pass for a silent stem.
        """
        stems = self.separator(song.mixture)
        if not stems.isfinite().all():
            reason = overflow_reason(float(song.mixture.abs().max()), self.separator.precision)
            raise InputError(f"{self.name} gives NaN or infinity for {song.name}; {reason}")
        own = self.separator.stems
        chosen = [own.index(self.names[stem]) for stem in song.stems]
        return stems if chosen == list(range(len(own))) else stems[chosen]


@dataclass(frozen=True)
class Mixture:
    """The floor: the mixture as the estimate of every stem."""

    name: str = "mixture"
    kind: str = "mixture"
    device_bound: bool = False

    def mark(self, song: TrackEntry) -> str:
        """Always the same."""
        return ""

    def estimate(self, song: TrackAudio) -> Tensor:
        """The mixture for each stem, without a copy."""
        return song.mixture.expand_as(song.targets)
