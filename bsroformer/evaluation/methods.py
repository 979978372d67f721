"""Methods to evaluate, each of which estimates the stems of a track."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry
from bsroformer.inference import StreamSeparator
from bsroformer.inference.overflow import overflow_reason


class Method(Protocol):
    """A source of estimates of the stems of a track."""

    @property
    def name(self) -> str:
        """Name in tables and folders."""

    @property
    def kind(self) -> str:
        """``model``, ``estimates``, ``mixture`` or ``oracle``."""

    @property
    def device_bound(self) -> bool:
        """Estimates are computed one after another, as by a model.

        Otherwise they are computed in the threads that score.
        """

    def cache_key(self, track: TrackEntry) -> str | None:
        """Compute the cache key of the estimates for a track; None if unknown."""

    def estimate(self, track: TrackAudio) -> Tensor:
        """Estimate the stems ``(n c t)`` in the order of ``track.stems``.

        Raises:
            InputError: If there are no usable estimates.
        """


@dataclass(frozen=True)
class Separated:
    """A model.

    Attributes:
        name: Name in tables and folders.
        separator: Separator with the model.
        names: The stems to score -> the separator's names of them.
        settings: Cache key of weights and settings; None: scores are not cached.
    """

    name: str
    separator: StreamSeparator
    names: Mapping[str, str]
    settings: str | None = None
    kind: str = "model"
    device_bound: bool = True

    def cache_key(self, track: TrackEntry) -> str | None:
        """Return the settings, which are the same for all tracks."""
        return self.settings

    def estimate(self, track: TrackAudio) -> Tensor:
        """Separate the mixture.

        Raises:
            InputError: If the result is not finite; it must not pass for a silent stem.
        """
        stems = self.separator(track.mixture)
        if not stems.isfinite().all():
            reason = overflow_reason(float(track.mixture.abs().max()), self.separator.precision)
            raise InputError(f"{self.name} gives NaN or infinity for {track.name}; {reason}")
        own = self.separator.stems
        chosen = [own.index(self.names[stem]) for stem in track.stems]
        is_all = chosen == list(range(len(own)))
        return stems if is_all else stems[chosen]


@dataclass(frozen=True)
class Mixture:
    """The floor: the mixture as the estimate of every stem."""

    name: str = "mixture"
    kind: str = "mixture"
    device_bound: bool = False

    def cache_key(self, track: TrackEntry) -> str:
        """Return the same key for all tracks."""
        return ""

    def estimate(self, track: TrackAudio) -> Tensor:
        """Return the mixture for each stem, without a copy."""
        return track.mixture.expand_as(track.targets)
