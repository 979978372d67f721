"""An equaliser: a chain of filters, each a few second-order sections."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.signal import butter, lfilter, sosfilt


class Band(Protocol):
    """One filter of an equaliser."""

    def sections(self, rate: int) -> np.ndarray:
        """Compute second-order sections ``(section 6)`` of SciPy for a sample rate in Hz."""
        ...


@dataclass(frozen=True)
class HighPass:
    """Filter that cuts frequencies below ``hz`` by 12 dB an octave."""

    hz: float

    def sections(self, rate: int) -> np.ndarray:
        """Compute a Butterworth filter of second order."""
        return butter(2, self.hz, "highpass", fs=rate, output="sos")


@dataclass(frozen=True)
class LowPass:
    """Filter that cuts frequencies above ``hz`` by 12 dB an octave."""

    hz: float

    def sections(self, rate: int) -> np.ndarray:
        """Compute a Butterworth filter of second order."""
        return butter(2, self.hz, "lowpass", fs=rate, output="sos")


@dataclass(frozen=True)
class Bell:
    """Filter that raises or lowers a band around ``hz``, narrower for a higher ``q``."""

    hz: float
    gain_db: float
    q: float = 0.7

    def sections(self, rate: int) -> np.ndarray:
        """Compute the peaking filter of Bristow-Johnson's "Audio EQ Cookbook"."""
        gain = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * self.hz / rate
        alpha = np.sin(angle) / (2 * self.q)
        above = np.array([1 + alpha * gain, -2 * np.cos(angle), 1 - alpha * gain])
        below = np.array([1 + alpha / gain, -2 * np.cos(angle), 1 - alpha / gain])
        return np.concatenate([above, below])[None] / below[0]


@dataclass(frozen=True)
class HighShelf:
    """Filter that raises or lowers frequencies above ``hz``.

    It has half of the gain in dB at ``hz``.
    """

    hz: float
    gain_db: float

    def sections(self, rate: int) -> np.ndarray:
        """Compute the high shelf of slope 1 of the same cookbook."""
        gain = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * self.hz / rate
        cosine = np.cos(angle)
        slope = np.sqrt(2 * gain) * np.sin(angle)
        more = gain + 1
        less = gain - 1
        above = np.array([more + less * cosine + slope, -2 * (less + more * cosine), more + less * cosine - slope])
        below = np.array([more - less * cosine + slope, 2 * (less - more * cosine), more - less * cosine - slope])
        return np.concatenate([gain * above, below])[None] / below[0]


@dataclass(frozen=True)
class LowShelf:
    """Filter that raises or lowers frequencies below ``hz``.

    It has half of the gain in dB at ``hz``.
    """

    hz: float
    gain_db: float

    def sections(self, rate: int) -> np.ndarray:
        """Compute the low shelf as a gain and the inverse high shelf."""
        sections = HighShelf(self.hz, -self.gain_db).sections(rate)
        sections[:, :3] *= 10 ** (self.gain_db / 20)
        return sections


def equalise(audio: np.ndarray, bands: Iterable[Band], rate: int) -> np.ndarray:
    """Filter float32 audio ``(c t)`` of a sample rate in Hz by an equaliser."""
    sections = np.concatenate([band.sections(rate) for band in bands])
    return sosfilt(sections.astype(np.float32), audio, axis=-1)


def low_pass(audio: np.ndarray, cutoff: float, rate: int) -> np.ndarray:
    """Filter float32 audio ``(c t)`` by a first-order low pass.

    Its -3 dB point is at ``cutoff`` Hz.
    """
    pole = np.float32(np.exp(-2 * np.pi * cutoff / rate))
    return lfilter([1 - pole], np.array([1, -pole], dtype=np.float32), audio, axis=-1).astype(np.float32)
