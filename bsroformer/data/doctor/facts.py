"""Measurements of a decoded track."""

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
    """First sample of the first run."""
    longest: int
    """Samples of the longest run."""


@dataclass(frozen=True)
class NonFinite:
    """Samples that are NaN or infinite."""

    count: int
    first: int
    """First of these samples."""


@dataclass(frozen=True)
class StemFacts:
    """Measurements of a stem, or of the mixture.

    Attributes:
        frames: Samples per channel that could be decoded.
        sample_rate: Hz.
        channels: Number of channels.
        peak: Largest absolute sample.
        rms: RMS over channels and samples.
        dc: Largest absolute mean of a channel.
        beyond: Number of samples beyond 1.
        clipped: Runs of samples at full scale, if there are any.
        non_finite: Samples that are not finite, if there are any; all other measurements take them for 0.
        digest: Digest of the samples, rounded to 16 bits; 128 bits in hexadecimal.
        power: Mean square of each hop, (hops); the last hop is padded with silence.
    """

    frames: int
    sample_rate: int
    channels: int
    peak: float
    rms: float
    dc: float
    beyond: int
    clipped: Clipped | None
    non_finite: NonFinite | None
    digest: str
    power: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.sample_rate

    @property
    def silent_share(self) -> float:
        """Share of hops that are silent."""
        if len(self.power) == 0:
            return 1.0
        return float(np.mean(self.power < 10 ** (QUIET_DB / 10)))


@dataclass(frozen=True)
class TrackFacts:
    """Measurements of a track.

    Attributes:
        song: Its files.
        headers: Header of each stem, and of the mixture.
        stems: Measurements of each; one that could not be opened is missing.
        errors: Reason why a file could not be read, by stem.
        damages: The decoder's warning about a damaged file, by stem.
        residual_db: Energy of mixture - sum of the stems over that of the mixture in each channel, dB; empty without a
            mixture or with a missing stem.
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


def to_db(amplitude: float) -> float:
    """Convert an amplitude to dB; -inf for 0."""
    return 20 * log10(amplitude) if amplitude > 0 else -inf
