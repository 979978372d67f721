"""Synthetic room impulse responses, and the reverberation of a stem."""

import numpy as np
from scipy.signal import oaconvolve

from bsroformer.audio.equaliser import low_pass

SHORTEST_DECAY = 0.1
"""Shortest decay time in seconds; the early reflections need 0.04."""


def impulse_response(rng: np.random.Generator, decay: float, rate: int, channels: int = 2) -> np.ndarray:
    """Draw the impulse response of a room.

    It has a few early reflections, then decaying noise, whose treble decays faster.

    Args:
        rng: Source of the random room.
        decay: Seconds until the reverberation is 60 dB down (RT60), at least 0.1.
        rate: Samples a second.
        channels: Number of channels, each with its own noise and reflections.

    Returns:
        Impulse response ``(c t)`` without the direct sound, each channel of energy 1.
    """
    length = int(decay * rate)
    time = np.arange(length, dtype=np.float32) / rate
    noise = rng.standard_normal((channels, length), dtype=np.float32)
    bass = low_pass(noise, 2500.0, rate)
    response = bass * 10 ** (-3 * time / decay) + (noise - bass) * 10 ** (-6 * time / decay)
    response[:, : int(rng.uniform(0.01, 0.03) * rate)] = 0
    for channel in response:
        reflections = (rng.uniform(0.004, 0.04, size=4) * rate).astype(int)
        channel[reflections] += rng.uniform(-6, 6, size=4)
    return response / np.sqrt((response**2).sum(-1, keepdims=True))


def reverberation(audio: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Compute the reverberation of the mono sum of audio: ``(c t)`` -> ``(c t)``.

    The direct sound is not included.
    """
    return oaconvolve(audio.mean(0, keepdims=True), response, axes=-1)[:, : audio.shape[-1]]
