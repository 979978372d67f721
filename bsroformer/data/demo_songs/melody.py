"""The singers: a melody of motifs, in layers, with a harmony in the chorus."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np

from bsroformer.data.demo_songs.harmony import Key, nearest
from bsroformer.data.demo_songs.score import Note, Part, Section, Singer, pick, read_pattern
from bsroformer.data.demo_songs.vowels import VOWELS

# Rhythms of a phrase of two bars: ``x`` begins a syllable, ``-`` holds it, ``.`` is time to breathe.
PHRASES = (
    "x-x-x---x-x-x---x-x-----........",
    "..x-x-x-x---x---x-x-x-------....",
    "x---x-x-x---x-x-x---------......",
    "....x-x-x-x-x---..x-x-x-----....",
    "x--x--x-x---....x--x--x-x-----..",
    "x-----x-x---x---x-------........",
    "....x-x-x---x-x-x-x-x-----......",
    "x-x-x-x-x-x-x---x---x-------....",
    "x-----x-x-------x-----x-x-----..",
    "x---x---x-------x---x-----......",
    "....x---x---x---x---------......",
    "x-x-x-----x-x---x-----------....",
)
STEPS = (-2, -1, -1, 0, 1, 1, 2)
"""Moves of a melody, in steps of the scale."""
SEMITONES_PER_STEP = 1.8
"""Mean step of a scale."""
PULL_TO_MIDDLE = 0.25
"""Share of the distance to its middle pitch by which a melody returns with each note."""

LAYERS = (
    ("voice oohs",),
    ("choir aahs",),
    ("solo vox",),
    ("synth voice",),
    ("synth voice", "choir aahs"),
    ("solo vox", "voice oohs"),
)
HARMONY_CHANCE = 0.5
CONSONANT_CHANCE = 0.5
"""Probability that a syllable begins with a consonant."""


@dataclass(frozen=True)
class Motif:
    """The recognisable part of a melody.

    Two rhythms answer each other, each with a contour.
    """

    rhythms: tuple[str, str]
    contours: tuple[tuple[int, ...], tuple[int, ...]]


def draw_motif(rng: np.random.Generator) -> Motif:
    """Invent a motif: a call and its response."""
    call = tuple(pick(rng, STEPS) for _ in range(12))
    response = tuple(pick(rng, STEPS) for _ in range(12))
    rhythms = (pick(rng, PHRASES), pick(rng, PHRASES))
    return Motif(rhythms, (call, response))


def write_vocals(rng: np.random.Generator, form: list[Section], key: Key, swing: float) -> list[Part]:
    """Write the lead, a harmony in the chorus, and consonants.

    The lead is sung by one or two voices at once.
    """
    middle = float(rng.integers(58, 70))
    motifs = {is_loud: draw_motif(rng) for is_loud in (False, True)}
    lead: list[Note] = []
    harmony: list[Note] = []
    for section in form:
        if "vocals" in section.silent:
            continue
        # A chorus is sung higher than a verse.
        section_middle = middle + 3 if section.is_loud else middle
        sung = sing(section, motifs[section.is_loud], section_middle, key, swing)
        lead += sung
        if section.is_loud:
            harmony += sing_below(section, sung, key)
    voices = pick(rng, LAYERS)
    parts = []
    for layer, voice in enumerate(voices):
        pan = rng.uniform(-0.05, 0.05)
        singer = draw_singer(rng)
        parts.append(Part("vocals", voice, list(lead), gain_db=-6.0 * layer, pan=pan, singer=singer))
    if rng.random() < HARMONY_CHANCE:
        pan = rng.uniform(-0.4, 0.4)
        parts.append(Part("vocals", voices[0], harmony, gain_db=-8.0, pan=pan, singer=draw_singer(rng)))
    parts.append(Part("vocals", "breath noise", consonants(rng, lead), gain_db=rng.uniform(-22, -14)))
    return [part for part in parts if part.notes]


def draw_singer(rng: np.random.Generator) -> Singer:
    """Invent a voice."""
    return Singer(
        vowels=tuple(rng.permutation(list(VOWELS))[:3].tolist()),
        size=rng.uniform(0.88, 1.18),
        vibrato_hz=rng.uniform(4.8, 6.2),
        vibrato_cents=rng.uniform(12, 40),
        detune_cents=rng.normal() * 5,
    )


def sing(section: Section, motif: Motif, middle: float, key: Key, swing: float) -> list[Note]:
    """Sing the motif over a section, call and response in turn.

    The call is on its first two bars, the response on the next, and so on.

    Strong syllables take a tone of the chord, the others any tone of the scale; the contour is followed as far
    as the chords allow, and the melody is drawn back to its ``middle`` pitch.
    """
    notes = []
    for number, first in enumerate(range(0, len(section.bars), 2)):
        rhythm = motif.rhythms[number % 2]
        steps = cycle(motif.contours[number % 2])
        pitch = middle
        patterns = [rhythm[:16], rhythm[16:]]
        bars = range(first, min(first + 2, len(section.bars)))
        for bar, pattern in zip(bars, patterns, strict=False):
            for start, length, _ in read_pattern(pattern, section.first_bar + bar, swing):
                chord = section.chord_at(start)
                is_strong = start % 2 == 0 or length >= 1.5
                tones = chord.pitch_classes[:3] if is_strong else key.scale_over(chord)
                target = pitch + SEMITONES_PER_STEP * next(steps) + PULL_TO_MIDDLE * (middle - pitch)
                pitch = float(nearest(target, tones))
                notes.append(Note(start, length * 0.95, int(pitch), 104 if is_strong else 92))
    return notes


def sing_below(section: Section, lead: list[Note], key: Key) -> list[Note]:
    """Follow the lead about a third below it.

    Where the lead holds a tone of the chord, so does the other voice.
    """
    notes = []
    for note in lead:
        chord = section.chord_at(note.start)
        is_held = note.length >= 1
        tones = chord.pitch_classes[:3] if is_held else key.scale_over(chord)
        other_tones = tuple(tone for tone in tones if tone != note.pitch % 12)
        pitch = nearest(note.pitch - 3.5, other_tones)
        notes.append(Note(note.start, note.length, pitch, note.velocity - 8))
    return notes


def consonants(rng: np.random.Generator, lead: list[Note]) -> list[Note]:
    """Write puffs of breath at the beginning of syllables.

    They distinguish singing from humming.
    """
    notes = []
    for note in lead:
        if rng.random() < CONSONANT_CHANCE:
            pitch = pick(rng, (60, 64, 67, 72))
            softer = int(rng.integers(0, 30))
            notes.append(Note(note.start, 0.12, pitch, note.velocity - softer))
    return notes
