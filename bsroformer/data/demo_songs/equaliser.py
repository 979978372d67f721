"""The equaliser of the mixing desk: a channel strip per stem that gives each its place in the spectrum."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt


@dataclass(frozen=True)
class Cut:
    """Keep one side of a frequency: a Butterworth filter, ``"highpass"`` or ``"lowpass"``."""

    side: str
    hz: float
    order: int = 2  # 12 dB an octave

    def sections(self, rate: int) -> np.ndarray:
        """Second-order sections ``(section 6)``, as SciPy takes them."""
        return butter(self.order, self.hz, self.side, fs=rate, output="sos")


@dataclass(frozen=True)
class Bell:
    """Raise or lower the surroundings of a frequency; ``q`` is frequency over width."""

    hz: float
    gain_db: float
    q: float = 0.7

    def sections(self, rate: int) -> np.ndarray:
        """Second-order section ``(1 6)``: the peaking filter of Bristow-Johnson's "Audio EQ Cookbook"."""
        amplitude = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * self.hz / rate
        alpha = np.sin(angle) / (2 * self.q)
        numerator = [1 + alpha * amplitude, -2 * np.cos(angle), 1 - alpha * amplitude]
        denominator = [1 + alpha / amplitude, -2 * np.cos(angle), 1 - alpha / amplitude]
        return np.array([numerator + denominator]) / denominator[0]


@dataclass(frozen=True)
class HighShelf:
    """Raise or lower all that lies above a frequency, where half of the gain is reached."""

    hz: float
    gain_db: float

    def sections(self, rate: int) -> np.ndarray:
        """Second-order section ``(1 6)``: the cookbook's high shelf of slope 1."""
        amplitude = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * self.hz / rate
        cosine, slope = np.cos(angle), np.sqrt(2 * amplitude) * np.sin(angle)
        up, down = amplitude + 1, amplitude - 1
        numerator = np.array(
            [up + down * cosine + slope, -2 * (down + up * cosine), up + down * cosine - slope]
        )
        denominator = [up - down * cosine + slope, 2 * (down - up * cosine), up - down * cosine - slope]
        return np.array([[*(amplitude * numerator), *denominator]]) / denominator[0]


STRIPS: dict[str, tuple[Cut | Bell | HighShelf, ...]] = {
    # The octave from 200 to 400 Hz gives a voice its body, 3 kHz its words; below it sings nothing.
    "vocals": (Cut("highpass", 180), Bell(400, 3), Bell(3000, 4)),
    # The kick is felt at 58 Hz and leaves the octave above it to the bass; the sticks and cymbals shine.
    "drums": (Cut("highpass", 38), Bell(58, 8, q=1.5), Bell(130, -14, q=0.5), HighShelf(3500, 9)),
    # The bass stands on its second partial, above the kick and below the voice.
    "bass": (Cut("highpass", 72), Cut("lowpass", 260)),
    # Guitars and keyboards leave the low end to others and the body to the voice: they shine above it.
    "other": (Cut("highpass", 800), HighShelf(2000, 3)),
}


def equalise(audio: np.ndarray, strip: str, rate: int) -> np.ndarray:
    """Send audio ``(c t)`` of ``rate`` samples a second through a channel strip."""
    sections = np.concatenate([band.sections(rate) for band in STRIPS[strip]])
    return sosfilt(sections, audio, axis=-1).astype(np.float32)
