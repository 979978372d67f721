"""Measure a stream of audio in one pass.

Memory is constant, except for the level by hop.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.doctor.facts import Clipped, NonFinite, StemFacts

Audio = NDArray[np.float32]

HOP_SECONDS = 0.02
"""Hop of the levels: whole samples at the usual rates, and so short that two copies with a shift of half a hop have
nearly the same levels."""
FULL_SCALE = 1 - 2**-15
"""Largest sample of 16 bits. Samples beyond 1, which floats can have, are not clipped."""
CLIPPED_SECONDS = 1e-4
"""Shortest clipped run, 4 samples at 44.1 kHz. An unclipped sine of that level stays within a step of 16 bits for
2 * sqrt(2 * 2**-15) / (2 * pi * f) seconds: that long only below 25 Hz."""
LEAST_CLIPPED = 3
"""Samples of the shortest clipped run at low rates."""
CLIP_LIMIT = 1e6
"""Bound of samples whose squares overflow float32."""


class Meter:
    """Measures one stream.

    Args:
        sample_rate: Hz.
        channels: Channels of the stream.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._hop = hop_of(sample_rate)
        self._frames = 0
        self._peak = 0.0
        self._energy = 0.0
        self._sum = np.zeros(channels)
        self._beyond = 0
        self._non_finite: NonFinite | None = None
        self._clipped = ClippedRuns(sample_rate, channels)
        self._digest = sha256()  # has an instruction of its own in processors
        self._levels: list[Audio] = []

    def add(self, audio: Audio) -> None:
        """Measure the next samples (c t): whole hops, except in the last call."""
        levels = self._hop_energies(audio)
        if not np.isfinite(levels.sum()):
            audio = self._finite(audio)
            levels = self._hop_energies(audio)
        peak = max(float(audio.max()), -float(audio.min()))
        self._peak = max(self._peak, peak)
        self._energy += float(levels.sum())
        self._sum += audio.sum(axis=1, dtype=np.float64)
        if peak > 1:
            self._beyond += int(np.count_nonzero(np.abs(audio) > 1))
        self._clipped.add(audio, peak)
        self._digest.update(_to_16_bits(audio, peak))
        self._levels.append(levels)
        self._frames += audio.shape[1]

    def facts(self) -> StemFacts:
        """Return the measurements."""
        channels = len(self._sum)
        frames = max(1, self._frames)
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0, np.float32)
        return StemFacts(
            frames=self._frames,
            sample_rate=self._rate,
            channels=channels,
            peak=self._peak,
            rms=float(np.sqrt(self._energy / (frames * channels))),
            dc=float(np.abs(self._sum).max() / frames),
            beyond=self._beyond,
            clipped=self._clipped.found(),
            non_finite=self._non_finite,
            digest=self._digest.hexdigest()[:32],
            power=levels / np.float32(self._hop * channels),
        )

    def _hop_energies(self, audio: Audio) -> Audio:
        """Sum the squares over channels and samples of each hop (hops).

        The last hop may be shorter.
        """
        whole = audio.shape[1] // self._hop * self._hop
        hops = audio[:, :whole].reshape(len(audio), -1, self._hop)
        energies = np.einsum("cmt,cmt->m", hops, hops)
        remainder = audio[:, whole:]
        if remainder.size:
            energies = np.append(energies, np.einsum("ct,ct->", remainder, remainder))
        return energies

    def _finite(self, audio: Audio) -> Audio:
        """Count the samples that are not finite, and replace them by zeros."""
        wrong = ~np.isfinite(audio)
        positions = np.flatnonzero(wrong.any(axis=0))
        if len(positions) == 0:  # a square was too large for float32
            return np.clip(audio, -CLIP_LIMIT, CLIP_LIMIT)
        known = self._non_finite or NonFinite(0, self._frames + int(positions[0]))
        self._non_finite = NonFinite(known.count + int(wrong.sum()), known.first)
        return np.where(wrong, np.float32(0), audio)


class ClippedRuns:
    """Counts runs of samples at full scale, which a converter or a loud export leaves.

    Args:
        sample_rate: Hz.
        channels: Channels of the stream.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._least = max(LEAST_CLIPPED, round(CLIPPED_SECONDS * sample_rate))
        self._open = [0] * channels  # samples of the run that reaches to the end of what was added
        self._start = 0
        self._found: Clipped | None = None

    def add(self, audio: Audio, peak: float) -> None:
        """Count in the next samples (c t), whose largest is `peak`."""
        if peak >= FULL_SCALE or any(self._open):
            level = np.abs(audio)
            full = (level >= FULL_SCALE) & (level <= 1)
            for channel, samples in enumerate(full):
                self._add_channel(channel, samples)
        self._start += audio.shape[1]

    def found(self) -> Clipped | None:
        """Return the runs of all channels, with those that last to the end of the stream."""
        for channel, length in enumerate(self._open):
            self._open[channel] = 0
            self._add_run(self._start - length, length)
        return self._found

    def _add_channel(self, channel: int, full: NDArray[np.bool_]) -> None:
        """Close runs that end in this chunk; the one that reaches its end stays open."""
        before = self._open[channel]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]])))
        begins = edges[::2].tolist()
        ends = edges[1::2].tolist()
        if before and not full[0]:
            begins.insert(0, 0)
            ends.insert(0, 0)
        if before:
            begins[0] = -before
        is_open = bool(full[-1])
        self._open[channel] = ends[-1] - begins[-1] if is_open else 0
        closed = len(begins) - is_open
        for begin, end in zip(begins[:closed], ends[:closed], strict=True):
            self._add_run(self._start + begin, end - begin)

    def _add_run(self, first: int, length: int) -> None:
        if length < self._least:
            return
        known = self._found or Clipped(0, first, length)
        self._found = Clipped(known.runs + 1, min(known.first, first), max(known.longest, length))


def hop_of(sample_rate: int) -> int:
    """Compute the samples of a hop."""
    return max(1, round(HOP_SECONDS * sample_rate))


def _to_16_bits(audio: Audio, peak: float) -> bytes:
    """Round samples (c t) to int16, in which two files of one sound agree."""
    scaled = np.rint(audio * np.float32(2**15))
    if peak >= FULL_SCALE:
        scaled = np.clip(scaled, -(2**15), 2**15 - 1)
    return scaled.astype("<i2").tobytes()
