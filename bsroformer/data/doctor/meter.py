"""Measure a stream of audio in one pass and constant memory, but for its level, which is kept by block."""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.doctor.clipping import FULL_SCALE, ClippedRuns
from bsroformer.data.doctor.facts import Bad, Clipped, StemFacts

HOP_SECONDS = 0.02
"""Of the levels that are kept: whole samples at the usual rates, and short, so that two copies that are shifted against
each other have nearly the same."""


class Meter:
    """Measures one stream.

    Args:
        sample_rate: Hz.
        channels: Of the stream.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._hop = hop_of(sample_rate)
        self._frames = 0
        self._peak = 0.0
        self._energy = 0.0
        self._sum = np.zeros(channels)
        self._beyond = 0
        self._bad: Bad | None = None
        self._clipped = ClippedRuns(sample_rate, channels)
        self._digest = sha256()  # for which processors have an instruction
        self._levels: list[NDArray[np.float32]] = []

    def add(self, audio: NDArray[np.float32]) -> None:
        """Measure the next samples (c t): whole hops, but for the last."""
        levels = self._hop_energies(audio)
        energy = float(levels.sum())
        if not np.isfinite(energy):
            audio = self._without_bad(audio)
            levels = self._hop_energies(audio)
            energy = float(levels.sum())
        peak = max(float(audio.max()), -float(audio.min()))
        self._peak = max(self._peak, peak)
        self._energy += energy
        self._sum += audio.sum(axis=1, dtype=np.float64)
        if peak > 1:
            self._beyond += int(np.count_nonzero(np.abs(audio) > 1))
        self._clipped.add(audio, peak)
        self._digest.update(_rounded(audio, peak))
        self._levels.append(levels)
        self._frames += audio.shape[1]

    def facts(self) -> StemFacts:
        """What was measured."""
        self._clipped.close()
        count = max(1, self._frames * len(self._sum))
        mean = np.abs(self._sum).max() / max(1, self._frames)
        clipped = self._clipped
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0, np.float32)
        return StemFacts(
            self._frames,
            self._rate,
            len(self._sum),
            self._peak,
            float(np.sqrt(self._energy / count)),
            float(mean),
            self._beyond,
            Clipped(clipped.count, clipped.first, clipped.longest) if clipped.first is not None else None,
            self._bad,
            self._digest.hexdigest()[:32],
            levels / np.float32(self._hop * len(self._sum)),
        )

    def _hop_energies(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum of squares over the channels and samples of each hop (hops); the last may be shorter."""
        whole = audio.shape[1] // self._hop * self._hop
        hops = audio[:, :whole].reshape(len(audio), -1, self._hop)
        energies = np.einsum("cmt,cmt->m", hops, hops)
        rest = audio[:, whole:]
        return energies if not rest.size else np.append(energies, np.einsum("ct,ct->", rest, rest))

    def _without_bad(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples with zeros in place of those that are not finite, which are counted."""
        bad = ~np.isfinite(audio)
        places = np.flatnonzero(bad.any(axis=0))
        if not len(places):  # a square was too large for float32
            return np.clip(audio, -1e6, 1e6)
        first = self._bad.first if self._bad else self._frames + int(places[0])
        self._bad = Bad((self._bad.count if self._bad else 0) + int(bad.sum()), first)
        return np.where(bad, np.float32(0), audio)


def hop_of(sample_rate: int) -> int:
    """Samples of a hop."""
    return max(1, round(HOP_SECONDS * sample_rate))


def _rounded(audio: NDArray[np.float32], peak: float) -> bytes:
    """Samples (c t) as int16: what two files of one sound agree in, whatever they are kept in."""
    scaled = np.rint(audio * np.float32(2**15))
    return (np.clip(scaled, -(2**15), 2**15 - 1) if peak >= FULL_SCALE else scaled).astype("<i2").tobytes()
