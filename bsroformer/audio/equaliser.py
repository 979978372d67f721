"""An equaliser: filters in a row, each a few second-order sections."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.signal import butter, lfilter, sosfilt


class Band(Protocol):
    """One filter of an equaliser."""

    def sections(self, rate: int) -> np.ndarray:
        """Second-order sections ``(section 6)`` at ``rate`` samples a second, as SciPy takes them."""
        ...


@dataclass(frozen=True)
class HighPass:
    """Cut what lies below ``hz``, by 12 dB an octave."""

    hz: float

    def sections(self, rate: int) -> np.ndarray:
        """Butterworth filter of second order."""
        return butter(2, self.hz, "highpass", fs=rate, output="sos")


@dataclass(frozen=True)
class LowPass:
    """Cut what lies above ``hz``, by 12 dB an octave."""

    hz: float

    def sections(self, rate: int) -> np.ndarray:
        """Butterworth filter of second order."""
        return butter(2, self.hz, "lowpass", fs=rate, output="sos")


@dataclass(frozen=True)
class Bell:
    """Raise or lower the surroundings of ``hz``; the higher ``q``, the narrower."""

    hz: float
    gain_db: float
    q: float = 0.7

    def sections(self, rate: int) -> np.ndarray:
        """Peaking filter of Bristow-Johnson's "Audio EQ Cookbook"."""
        gain = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * self.hz / rate
        alpha = np.sin(angle) / (2 * self.q)
        above = np.array([1 + alpha * gain, -2 * np.cos(angle), 1 - alpha * gain])
        below = np.array([1 + alpha / gain, -2 * np.cos(angle), 1 - alpha / gain])
        return np.concatenate([above, below])[None] / below[0]


@dataclass(frozen=True)
class HighShelf:
    """Raise or lower all above ``hz``, where half of the gain in dB is reached."""

    hz: float
    gain_db: float

    def sections(self, rate: int) -> np.ndarray:
        """High shelf of slope 1 of the same cookbook."""
        gain = 10 ** (self.gain_db / 40)
        cosine, sine = np.cos(2 * np.pi * self.hz / rate), np.sin(2 * np.pi * self.hz / rate)
        more, less, slope = gain + 1, gain - 1, np.sqrt(2 * gain) * sine
        above = np.array([more + less * cosine + slope, -2 * (less + more * cosine), more + less * cosine - slope])
        below = np.array([more - less * cosine + slope, 2 * (less - more * cosine), more - less * cosine - slope])
        return np.concatenate([gain * above, below])[None] / below[0]


@dataclass(frozen=True)
class LowShelf:
    """Raise or lower all below ``hz``, where half of the gain in dB is reached."""

    hz: float
    gain_db: float

    def sections(self, rate: int) -> np.ndarray:
        """Low shelf of slope 1 of the same cookbook: to raise the bass is to raise all and lower the treble."""
        sections = HighShelf(self.hz, -self.gain_db).sections(rate)
        sections[:, :3] *= 10 ** (self.gain_db / 20)
        return sections


def equalise(audio: np.ndarray, bands: Iterable[Band], rate: int) -> np.ndarray:
    """Send float32 audio ``(c t)`` of ``rate`` samples a second through an equaliser."""
    sections = np.concatenate([band.sections(rate) for band in bands])
    return sosfilt(sections.astype(np.float32), audio, axis=-1)


def low_pass(audio: np.ndarray, cutoff: float, rate: int) -> np.ndarray:
    """Low-pass filter of first order with its -3 dB point at ``cutoff`` Hz, for float32 audio ``(c t)``."""
    pole = np.float32(np.exp(-2 * np.pi * cutoff / rate))
    return lfilter([1 - pole], np.array([1, -pole], dtype=np.float32), audio, axis=-1).astype(np.float32)
