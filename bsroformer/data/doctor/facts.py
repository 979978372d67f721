"""What is known of a song once all of it was decoded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, log10

import numpy as np
from numpy.typing import NDArray

from bsroformer.audio.activity import ACTIVE_DB
from bsroformer.audio.files import AudioInfo
from bsroformer.data.layouts import TrackFiles

QUIET_DB = ACTIVE_DB
"""RMS level in dBFS below which a block is silent."""


@dataclass(frozen=True)
class Clipped:
    """Runs of samples at full scale."""

    runs: int
    first: int
    """Sample at which the first begins."""
    longest: int
    """Samples."""


@dataclass(frozen=True)
class Bad:
    """Samples that are NaN or infinite."""

    count: int
    first: int
    """Sample at which the first is."""


@dataclass(frozen=True)
class StemFacts:
    """What a stem, or the mixture, sounds like.

    Attributes:
        frames: Samples per channel that could be decoded.
        sample_rate: Hz.
        channels: How many.
        peak: Largest absolute sample.
        rms: Over channels and samples.
        dc: Largest absolute mean of a channel.
        beyond: Samples beyond 1.
        clipped: Runs of samples at full scale, if there are any.
        bad: Samples that are not finite, if there are any; all else takes them for 0.
        digest: Of the samples, rounded to 16 bits; 128 bits in hexadecimal.
        power: Mean square of each hop, (hops); the last one may be shorter, and counts as if silence filled it.
    """

    frames: int
    sample_rate: int
    channels: int
    peak: float
    rms: float
    dc: float
    beyond: int
    clipped: Clipped | None
    bad: Bad | None
    digest: str
    power: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.sample_rate

    @property
    def rests(self) -> float:
        """Share of hops that are silent."""
        return float(np.mean(self.power < 10 ** (QUIET_DB / 10))) if len(self.power) else 1.0


@dataclass(frozen=True)
class TrackFacts:
    """A song as it was found.

    Attributes:
        song: Its files.
        headers: What the header of each stem, and of the mixture, says.
        stems: What each sounds like; one that could not be opened is not there.
        errors: Why a file could not be read, by stem.
        damages: What the decoder said of a damaged file, by stem.
        residual_db: Energy of mixture - sum of the stems over that of the mixture in each channel, dB; empty where
            there is no mixture or not every stem.
        residual_dbfs: RMS level of the same in each channel.
    """

    song: TrackFiles
    headers: Mapping[str, AudioInfo] = field(default_factory=dict)
    stems: Mapping[str, StemFacts] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    damages: Mapping[str, str] = field(default_factory=dict)
    residual_db: tuple[float, ...] = ()
    residual_dbfs: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the longest stem."""
        return max((stem.seconds for stem in self.stems.values()), default=0.0)


def decibels(amplitude: float) -> float:
    """An amplitude in dB; -inf for 0."""
    return 20 * log10(amplitude) if amplitude > 0 else -inf
