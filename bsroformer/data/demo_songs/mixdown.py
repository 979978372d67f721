"""Mix a song: place the players, send each stem through its channel, let kick and bass share the low end."""

from collections.abc import Iterator

import numpy as np
from scipy.signal import resample_poly

from bsroformer.audio.equaliser import equalise, low_pass
from bsroformer.audio.reverb import impulse_response, reverberation
from bsroformer.data.demo_songs.channels import CHANNELS, Channel
from bsroformer.data.demo_songs.instruments import DRUM_KEYS
from bsroformer.data.demo_songs.score import Part, Song
from bsroformer.data.demo_songs.synthesiser import RATE, play
from bsroformer.data.demo_songs.vowels import pronounce

SAMPLE_RATE = 44100  # of the set, as MUSDB18's
TAIL_SECONDS = 1.5  # the room rings on after the last bar
FADE_SECONDS = 0.5  # of the tail, down to silence
FULL_SCALE = 32767  # of 16-bit PCM

STEMS = tuple(CHANNELS)
CENTRED = ("vocals", "bass")  # a singer and a bass stand in one place
DECAY_SECONDS = (0.3, 1.4)
BOOM_SECONDS = 0.1  # a kick sounds so long,
BOOM_FADE_SECONDS = 0.05  # and then fades at this time constant
DUCK_DB = 6.0  # the bass gives way to the kick,
DUCK_SECONDS = 0.08  # and comes back at this one
PEAK_DB = (-3.0, -1.0)  # of the mixture, in dBFS


def mix_song(rng: np.random.Generator, song: Song) -> dict[str, np.ndarray]:
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
        dry = np.sum([place(*played, song) for played in play_stem(parts, song.tempo, seconds)], axis=0)
        if stem == "drums":
            dry = damp(dry, since)
        if stem == "bass":
            dry = duck(dry, since)
        stems[stem] = colour(rng, dry, CHANNELS[stem], decay)
    return quantise(stems, peak_db=rng.uniform(*PEAK_DB))


def play_stem(parts: list[Part], tempo: float, seconds: float) -> Iterator[tuple[Part, np.ndarray]]:
    """Play the parts of a stem, two at a time; each comes in mono ``(1 t)``, but stereo ``(2 t)`` if alone."""
    for first in range(0, len(parts), 2):
        pair = parts[first : first + 2]
        audio = play(pair, tempo, seconds)
        yield from zip(pair, audio[:, None] if len(pair) == 2 else audio[None], strict=True)


def place(part: Part, audio: np.ndarray, song: Song) -> np.ndarray:
    """Give a part's audio ``(c t)`` its vowels, its level and its place between the loudspeakers."""
    if part.stem in CENTRED:
        audio = audio.mean(0, keepdims=True)
    if part.singer is not None:
        audio = pronounce(audio, part.notes, part.singer, 60 / song.tempo, RATE)
    angle = (part.pan + 1) * np.pi / 4
    balance = np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])  # constant power
    gain = 10 ** (part.gain_db / 20) / active_rms(audio)
    return audio * (balance * gain).astype(np.float32)


def colour(rng: np.random.Generator, audio: np.ndarray, channel: Channel, decay: float) -> np.ndarray:
    """Send a stem ``(c t)`` through its channel: tape, equaliser, room, level."""
    drive = rng.uniform(*channel.drive)
    audio = np.tanh(audio * (drive / active_rms(audio)))
    audio = equalise(audio, channel.equaliser, RATE)
    if channel.room:
        room = impulse_response(rng, decay * channel.room * rng.uniform(0.8, 1.2), RATE)
        audio = audio + rng.uniform(*channel.wetness) * reverberation(audio, room)
    level = 10 ** (rng.uniform(*channel.level_db) / 20)
    return audio * np.float32(level / active_rms(audio))


def since_kick(song: Song, seconds: float) -> np.ndarray:
    """Seconds since the kick drum was struck last, ``(t)``, over a song's length in seconds."""
    drums = [note for part in song.parts if part.stem == "drums" for note in part.notes]
    onsets = np.sort([note.start * 60 / song.tempo for note in drums if note.pitch == DRUM_KEYS["kick"]])
    times = np.arange(round(seconds * RATE)) / RATE
    latest = np.concatenate([[-np.inf], onsets])[np.searchsorted(onsets, times, side="right")]
    return (times - latest).astype(np.float32)


def damp(drums: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Put a pillow into the kick drum: end its boom ``since`` seconds after a stroke."""
    boom = low_pass(drums, 90.0, RATE)
    return drums - boom * (1 - np.exp(-np.maximum(since - BOOM_SECONDS, 0) / BOOM_FADE_SECONDS))


def duck(bass: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Let the bass step aside ``since`` seconds after a stroke of the kick: a compressor's side chain."""
    depth_db = DUCK_DB * np.exp(-since / DUCK_SECONDS)
    gain_db = low_pass(-depth_db[None], 50.0, RATE)  # takes 3 ms to give way, so that it does not click
    return bass * 10 ** (gain_db / 20)


def active_rms(audio: np.ndarray) -> float:
    """RMS of ``(c t)`` audio over its 50 ms frames within 30 dB of the loudest, so that rests don't count."""
    frame = RATE // 20
    whole = audio[:, : audio.shape[-1] // frame * frame]
    power = np.square(whole).reshape(len(audio), -1, frame).mean((0, 2))
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


def quantise(stems: dict[str, np.ndarray], peak_db: float) -> dict[str, np.ndarray]:
    """Bring stems ``(c t)`` to 44.1 kHz, fade them out, scale the peak of their sum and round to int16."""
    stems = {stem: resample_poly(audio, 147, 160, axis=-1) for stem, audio in stems.items()}
    length = next(iter(stems.values())).shape[-1]
    fade = np.clip(np.arange(length, 0, -1, dtype=np.float32) / (FADE_SECONDS * SAMPLE_RATE), 0, 1)
    stems = {stem: audio * fade for stem, audio in stems.items()}
    gain = 10 ** (peak_db / 20) / np.abs(sum(stems.values())).max()
    return {stem: np.round(audio * gain * FULL_SCALE).astype(np.int16).T for stem, audio in stems.items()}
