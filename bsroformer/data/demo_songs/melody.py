"""The singers: a melody built of motifs over the chords, in layers, with a harmony in the chorus."""

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
STEPS = (-2, -1, -1, 0, 1, 1, 2)  # how a melody moves, in steps of the scale

LAYERS = (
    ("voice oohs",),
    ("choir aahs",),
    ("solo vox",),
    ("synth voice",),
    ("synth voice", "choir aahs"),
    ("solo vox", "voice oohs"),
)
HARMONY_CHANCE = 0.5
CONSONANT_CHANCE = 0.5  # that a syllable begins with one


@dataclass(frozen=True)
class Motif:
    """What makes a melody recognisable: two rhythms that answer each other, each with a contour."""

    rhythms: tuple[str, str]
    contours: tuple[tuple[int, ...], tuple[int, ...]]


def draw_motif(rng: np.random.Generator) -> Motif:
    """Invent a motif: a call and its response."""
    call, response = (tuple(pick(rng, STEPS) for _ in range(12)) for _ in range(2))
    return Motif((pick(rng, PHRASES), pick(rng, PHRASES)), (call, response))


def write_vocals(rng: np.random.Generator, form: list[Section], key: Key, swing: float) -> list[Part]:
    """Write the lead, sung by one or two voices at once, a harmony in the chorus, and consonants."""
    middle = float(rng.integers(58, 70))
    motifs = {is_loud: draw_motif(rng) for is_loud in (False, True)}
    lead: list[Note] = []
    harmony: list[Note] = []
    for section in form:
        if "vocals" in section.resting:
            continue
        # A chorus is sung higher than a verse.
        sung = sing(section, motifs[section.is_loud], middle + 3 * section.is_loud, key, swing)
        lead += sung
        if section.is_loud:
            harmony += sing_below(section, sung, key)
    voices = pick(rng, LAYERS)
    parts = [
        Part(
            "vocals",
            voice,
            list(lead),
            gain_db=-6.0 * layer,
            pan=rng.uniform(-0.05, 0.05),
            singer=draw_singer(rng),
        )
        for layer, voice in enumerate(voices)
    ]
    if rng.random() < HARMONY_CHANCE:
        beside = rng.uniform(-0.4, 0.4)
        parts.append(Part("vocals", voices[0], harmony, gain_db=-8.0, pan=beside, singer=draw_singer(rng)))
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
    """Sing the motif over a section: the call on its first two bars, the response on the next, and so on.

    Strong syllables take a tone of the chord, the others any tone of the scale; the contour is kept as far
    as the chords allow, and the melody is drawn back to its ``middle`` pitch.
    """
    notes = []
    for index, bar in enumerate(range(0, len(section.bars), 2)):
        rhythm, steps = motif.rhythms[index % 2], cycle(motif.contours[index % 2])
        pitch = middle
        halves = [rhythm[:16], rhythm[16:]][: len(section.bars) - bar]
        for half, pattern in enumerate(halves):
            for start, length, _ in read_pattern(pattern, section.first_bar + bar + half, swing):
                chord = section.chord_at(start)
                strong = start % 2 == 0 or length >= 1.5
                tones = chord.pitch_classes[:3] if strong else key.scale_over(chord)
                # 1.8 semitones is the mean step of a scale
                pitch = float(nearest(pitch + 1.8 * next(steps) + 0.25 * (middle - pitch), tones))
                notes.append(Note(start, length * 0.95, int(pitch), 104 if strong else 92))
    return notes


def sing_below(section: Section, lead: list[Note], key: Key) -> list[Note]:
    """Follow the lead about a third below it, on tones of the chord where the lead holds one."""
    notes = []
    for note in lead:
        chord = section.chord_at(note.start)
        held = note.length >= 1
        tones = chord.pitch_classes[:3] if held else key.scale_over(chord)
        below = nearest(note.pitch - 3.5, tuple(tone for tone in tones if tone != note.pitch % 12))
        notes.append(Note(note.start, note.length, below, note.velocity - 8))
    return notes


def consonants(rng: np.random.Generator, lead: list[Note]) -> list[Note]:
    """Puffs of breath at the beginning of syllables: what tells singing from humming."""
    return [
        Note(note.start, 0.12, pick(rng, (60, 64, 67, 72)), note.velocity - int(rng.integers(0, 30)))
        for note in lead
        if rng.random() < CONSONANT_CHANCE
    ]
