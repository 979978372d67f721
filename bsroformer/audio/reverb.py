"""Rooms that never were: synthetic impulse responses, and what a stem sounds like in them."""

import numpy as np
from scipy.signal import oaconvolve

from bsroformer.audio.equaliser import low_pass

SHORTEST_DECAY = 0.1
"""Seconds; the early reflections need 0.04."""


def impulse_response(rng: np.random.Generator, decay: float, rate: int, channels: int = 2) -> np.ndarray:
    """Invent a room: a few early reflections, then noise that dies away, the treble sooner.

    Args:
        rng: Where the room comes from.
        decay: Seconds until the reverberation is 60 dB down (RT60), at least 0.1.
        rate: Samples a second.
        channels: Microphones, of which each hears its own noise and reflections.

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
    """What a room answers to the mono sum of audio ``(c t)``: ``(c t)`` without the direct sound, as long as it."""
    return oaconvolve(audio.mean(0, keepdims=True), response, axes=-1)[:, : audio.shape[-1]]
