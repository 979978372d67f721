"""Vowels: the formants that turn a sampled choir's one vowel into syllables."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from bsroformer.data.demo_songs.score import Note, Singer

# First three formants in Hz, means of the men of Peterson and Barney (1952), "Control methods used in a
# study of the vowels", table II.
VOWELS = {
    "ee": (270, 2290, 3010),
    "eh": (530, 1840, 2480),
    "ah": (730, 1090, 2440),
    "aw": (570, 840, 2410),
    "oo": (300, 870, 2240),
}
PEAK_DB = 9.0
"""Gain at a formant."""
FLOOR_DB = -5.0
"""Gain far from all formants."""
GLIDE_SECONDS = 0.06
"""Time from one vowel to the next."""


def formant_gain(frequencies: np.ndarray, vowel: str, size: float) -> np.ndarray:
    """Compute the gain of a vowel at ``frequencies`` in Hz.

    Its formants are scaled by ``size``.
    """
    decibels = np.full(frequencies.shape, FLOOR_DB, dtype=np.float32)
    for formant in VOWELS[vowel]:
        centre = formant * size
        width = 60 + 0.09 * centre  # Hz; higher formants are broader
        decibels += (PEAK_DB - FLOOR_DB) * np.exp(-0.5 * ((frequencies - centre) / width) ** 2)
    return 10 ** (decibels / 20)


def pronounce(audio: np.ndarray, notes: list[Note], singer: Singer, beat: float, rate: int) -> np.ndarray:
    """Give each sung note a vowel of the singer, in turn.

    Args:
        audio: Sung notes ``(c t)``, float32.
        notes: The notes, in beats.
        singer: The singer.
        beat: Length of a beat in seconds.
        rate: Samples a second.
    """
    length = audio.shape[-1]
    size = next_fast_len(length, real=True)
    spectrum = rfft(audio, size, axis=-1)
    frequencies = rfftfreq(size, 1 / rate).astype(np.float32)
    times = np.arange(length, dtype=np.float32) / rate
    onsets = np.array([note.start * beat for note in notes])
    sounding = [singer.vowels[index % len(singer.vowels)] for index in range(len(notes))]
    result = np.zeros_like(audio)
    for vowel in sorted(set(sounding)):
        coloured = irfft(spectrum * formant_gain(frequencies, vowel, singer.size), size, axis=-1)[:, :length]
        # Level of this vowel: 0 or 1, with a glide at each change.
        steps = np.array([float(name == vowel) for name in sounding])
        points = np.stack([onsets - GLIDE_SECONDS / 2, onsets + GLIDE_SECONDS / 2], axis=1).ravel()
        levels = np.stack([np.roll(steps, 1), steps], axis=1).ravel()
        levels[0] = steps[0]
        result += coloured * np.interp(times, points, levels).astype(np.float32)
    return result
