"""Mix a song: pan the players, and send each stem through its channel strip.

Kick and bass share the low end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from bsroformer.audio.equaliser import equalise, low_pass
from bsroformer.audio.reverb import impulse_response, reverberation
from bsroformer.data.demo_songs.channels import CHANNELS, STEMS, Channel, Mixing
from bsroformer.data.demo_songs.instruments import DRUM_KEYS
from bsroformer.data.demo_songs.score import Part, Song
from bsroformer.data.demo_songs.synthesiser import RATE, play
from bsroformer.data.demo_songs.vowels import pronounce

SAMPLE_RATE = 44100
"""Rate of the set, as MUSDB18's."""
TAIL_SECONDS = 1.5
"""Length of the reverberation after the last bar."""
FADE_SECONDS = 0.5
"""End of the tail that fades to silence."""
FULL_SCALE = 32767
"""Largest sample of 16-bit PCM."""
CENTRED = ("vocals", "bass")
"""Stems whose parts are mono: a singer and a bass have one position."""
DECAY_SECONDS = (0.3, 1.4)
BOOM_SECONDS = 0.1
"""Length of a kick before it is damped."""
BOOM_FADE_SECONDS = 0.05
"""Time constant of the damping."""
DUCK_DB = 6.0
"""Attenuation of the bass by a kick."""
DUCK_SECONDS = 0.08
"""Time constant of its recovery."""
PEAK_DB = (-3.0, -1.0)
"""Peak of the mixture, dBFS."""


@dataclass(frozen=True)
class Sound:
    """How songs are played and mixed.

    Attributes:
        soundfont: File of a General MIDI SoundFont; None is the one that pretty_midi carries.
        mixing: Channel strips: see `channels`.
    """

    soundfont: str | None = None
    mixing: Mixing = "clear"


def mix_song(rng: np.random.Generator, song: Song, sound: Sound) -> dict[str, np.ndarray]:
    """Play and mix a song.

    Returns:
        Stem name to int16 audio ``(t c)`` at 44.1 kHz. The sum of the stems peaks at -1 dBFS or below.
    """
    seconds = song.seconds + TAIL_SECONDS
    decay = rng.uniform(*DECAY_SECONDS)
    since = since_kick(song, seconds)
    stems = {}
    for stem in STEMS:
        parts = [part for part in song.parts if part.stem == stem]
        panned = [pan_part(part, audio, song) for part, audio in play_stem(parts, song.tempo, seconds, sound)]
        dry = np.sum(panned, axis=0)
        if stem == "drums":
            dry = damp(dry, since)
        if stem == "bass":
            dry = duck(dry, since)
        stems[stem] = colour(rng, dry, CHANNELS[sound.mixing][stem], decay)
    return quantise(stems, peak_db=rng.uniform(*PEAK_DB))


def play_stem(parts: list[Part], tempo: float, seconds: float, sound: Sound) -> Iterator[tuple[Part, np.ndarray]]:
    """Play the parts of a stem, two at a time.

    Each comes in mono ``(1 t)``, but in stereo ``(2 t)`` if alone.
    """
    for first in range(0, len(parts), 2):
        pair = parts[first : first + 2]
        audio = play(pair, tempo, seconds, sound.soundfont)
        if len(pair) == 1:
            yield pair[0], audio
        else:
            yield pair[0], audio[:1]
            yield pair[1], audio[1:]


def pan_part(part: Part, audio: np.ndarray, song: Song) -> np.ndarray:
    """Give a part's audio ``(c t)`` its vowels, its level and its panorama."""
    if part.stem in CENTRED:
        audio = audio.mean(0, keepdims=True)
    if part.singer is not None:
        audio = pronounce(audio, part.notes, part.singer, 60 / song.tempo, RATE)
    angle = (part.pan + 1) * np.pi / 4
    balance = np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])  # constant power
    gain = 10 ** (part.gain_db / 20) / active_rms(audio)
    return audio * (balance * gain).astype(np.float32)


def colour(rng: np.random.Generator, audio: np.ndarray, channel: Channel, decay: float) -> np.ndarray:
    """Send a stem ``(c t)`` through its channel strip."""
    drive = rng.uniform(*channel.drive)
    audio = np.tanh(audio * (drive / active_rms(audio)))
    audio = equalise(audio, channel.equaliser, RATE)
    if channel.decay:
        response = impulse_response(rng, decay * channel.decay * rng.uniform(0.8, 1.2), RATE)
        wetness = rng.uniform(*channel.wetness)
        audio = audio + wetness * reverberation(audio, response)
    level = 10 ** (rng.uniform(*channel.level_db) / 20)
    return audio * np.float32(level / active_rms(audio))


def since_kick(song: Song, seconds: float) -> np.ndarray:
    """Compute the seconds since the last stroke of the kick drum, ``(t)``."""
    drums = [note for part in song.parts if part.stem == "drums" for note in part.notes]
    kicks = [note for note in drums if note.pitch == DRUM_KEYS["kick"]]
    onsets = np.sort([note.start * 60 / song.tempo for note in kicks])
    times = np.arange(round(seconds * RATE)) / RATE
    strokes_before = np.searchsorted(onsets, times, side="right")
    latest = np.concatenate([[-np.inf], onsets])[strokes_before]
    return (times - latest).astype(np.float32)


def damp(drums: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Damp the kick drum: end its boom ``since`` seconds after a stroke."""
    boom = low_pass(drums, 90.0, RATE)
    seconds_damped = np.maximum(since - BOOM_SECONDS, 0)
    return drums - boom * (1 - np.exp(-seconds_damped / BOOM_FADE_SECONDS))


def duck(bass: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Attenuate the bass ``since`` seconds after a stroke of the kick.

    This is the side chain of a compressor.
    """
    depth_db = DUCK_DB * np.exp(-since / DUCK_SECONDS)
    gain_db = low_pass(-depth_db[None], 50.0, RATE)  # an attack of 3 ms, without a click
    return bass * 10 ** (gain_db / 20)


def active_rms(audio: np.ndarray) -> float:
    """Compute the RMS of ``(c t)`` audio without silence.

    Only 50 ms frames within 30 dB of the loudest count.
    """
    frame = RATE // 20
    frames = audio.shape[-1] // frame
    squares = np.square(audio[:, : frames * frame])
    power = squares.reshape(len(audio), -1, frame).mean((0, 2))
    active = power >= power.max() * 1e-3
    return float(np.sqrt(power[active].mean()))


def quantise(stems: dict[str, np.ndarray], peak_db: float) -> dict[str, np.ndarray]:
    """Bring stems ``(c t)`` to 44.1 kHz, fade them out, and round to int16.

    The peak of their sum is scaled.
    """
    resampled = {stem: resample_poly(audio, 147, 160, axis=-1) for stem, audio in stems.items()}
    length = next(iter(resampled.values())).shape[-1]
    samples_left = np.arange(length, 0, -1, dtype=np.float32)
    fade = np.clip(samples_left / (FADE_SECONDS * SAMPLE_RATE), 0, 1)
    faded = {stem: audio * fade for stem, audio in resampled.items()}
    mixture = sum(faded.values())
    gain = 10 ** (peak_db / 20) / np.abs(mixture).max()
    quantised = {}
    for stem, audio in faded.items():
        samples = np.round(audio * gain * FULL_SCALE)
        quantised[stem] = samples.astype(np.int16).T
    return quantised
