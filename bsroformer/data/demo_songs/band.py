"""The band: drums, bass, and the players of the stem ``other``."""

import numpy as np

from bsroformer.data.demo_songs.harmony import Chord, voice_chord
from bsroformer.data.demo_songs.instruments import DRUM_KEYS
from bsroformer.data.demo_songs.score import Note, Part, Section, chord_spans, is_sounding, pick, read_pattern
from bsroformer.data.demo_songs.style import FILLS, TRIPLET_FILLS, DrumBar, Style, add_fill, read_drums

STROKES = {"X": 118, "x": 98, "o": 48}
"""Velocities of the letters of a drum pattern."""
TIMEKEEPERS = ("hat", "ride", "maracas", "cowbell", "tambourine", "pedal")
OFFBEAT_SOFTER = 14
"""Velocity that a timekeeper gives up off the beat."""
FILL_CHANCE = 0.75
"""Probability that a section ends with a fill."""
RIFF_WAITS_CHANCE = 0.3
"""Probability that the riff starts in the chorus only."""
BELOW_VOICE = 16
"""Velocity that chords and riffs give up under a voice: about 3 dB."""


def choose(rng: np.random.Generator, instruments: str) -> str:
    """Choose one of the instruments of a comma-separated list."""
    return pick(rng, instruments.split(", "))


def write_drums(rng: np.random.Generator, style: Style, form: list[Section]) -> Part:
    """Play the groove of each section, with crashes and fills."""
    part = Part("drums", choose(rng, style.kits))
    for section in form:
        if "drums" in section.silent:
            continue
        groove = read_drums(style.chorus if section.is_loud else style.verse)
        fills = TRIPLET_FILLS if len(groove["kick"]) == 12 else FILLS
        for bar in range(len(section.bars)):
            drums = dict(groove)
            is_last = bar == len(section.bars) - 1
            if is_last and rng.random() < FILL_CHANCE:
                drums = add_fill(drums, read_drums(pick(rng, fills)))
            if bar == 0 and section.first_bar > 0:
                drums["crash"] = "x..."
            part.notes += drum_bar(drums, section.first_bar + bar, style.swing)
    return part


def drum_bar(drums: DrumBar, bar: int, swing: float) -> list[Note]:
    """Write the notes of one bar of drums; timekeepers play softer off the beat."""
    notes = []
    for drum, pattern in drums.items():
        for start, _, letter in read_pattern(pattern, bar, swing):
            velocity = STROKES[letter]
            if drum in TIMEKEEPERS and start % 1 != 0:
                velocity -= OFFBEAT_SOFTER
            notes.append(Note(start, 0.25, DRUM_KEYS[drum], velocity))
    return notes


def write_bass(rng: np.random.Generator, style: Style, form: list[Section]) -> Part:
    """Play a line for the verse and one for the chorus, on the degrees of the chords."""
    part = Part("bass", choose(rng, style.basses))
    low = int(rng.integers(29, 35))  # F1 to B1: roots lie between 44 and 117 Hz
    patterns = {is_loud: pick(rng, style.bass) for is_loud in (False, True)}
    spans = list(chord_spans(form, "bass"))
    following = [*spans[1:], *spans[:1]]
    for span, next_span in zip(spans, following, strict=True):
        for start, length, letter in span.strokes(patterns[span.is_loud], style.swing):
            pitch = bass_pitch(letter, span.chord, next_span.chord, low)
            velocity = 100 if start % 1 == 0 else 92
            part.notes.append(Note(start, length * 0.93, pitch, velocity))
    return part


def bass_pitch(letter: str, chord: Chord, following: Chord, low: int) -> int:
    """Compute the MIDI pitch of a letter of a bass line.

    Roots lie in the octave above ``low``.
    """
    if letter == "a":
        return low + (following.root - low) % 12 - 1
    third, fifth, *above = chord.intervals[1:]
    seventh = above[0] if above and above[0] < 12 else 12
    sixth = 9 if third == 4 else seventh
    degrees = {"R": 0, "3": third, "5": fifth, "6": sixth, "7": seventh, "8": 12}
    return low + (chord.root - low) % 12 + degrees[letter]


def write_chords(rng: np.random.Generator, style: Style, form: list[Section], side: float, lead: list[Note]) -> Part:
    """Strike the chords around middle C.

    Each voicing is close to the one before, and softer below the ``lead``.
    """
    part = Part("other", choose(rng, style.compers), pan=side * rng.uniform(0.4, 0.8))
    rhythms = {is_loud: pick(rng, style.comping) for is_loud in (False, True)}
    low = int(rng.integers(54, 61))
    # A strum reaches the strings one after the other; a hand on a keyboard does not.
    delay = 0.025 if "guitar" in part.instrument else 0.0
    voicing: list[int] | None = None
    for span in chord_spans(form, "other"):
        voicing = voice_chord(span.chord, voicing, low, low + 20)
        for start, length, _ in span.strokes(rhythms[span.is_loud], style.swing):
            velocity = 96 if span.is_loud else 86
            if is_sounding(lead, start):
                velocity -= BELOW_VOICE
            for string, pitch in enumerate(voicing):
                part.notes.append(Note(start + string * delay, length * 0.9, pitch, velocity))
    return part


def write_riff(rng: np.random.Generator, style: Style, form: list[Section], side: float, lead: list[Note]) -> Part:
    """Play single voices of the chord above the comping, by the digits of a pattern.

    In a verse the riff answers the ``lead``, in a chorus it continues below it.
    """
    part = Part("other", choose(rng, style.riffers), pan=side * rng.uniform(0.4, 0.9))
    part.gain_db = rng.uniform(-5, 1)
    riffs = {is_loud: pick(rng, style.riff) for is_loud in (False, True)}
    low = int(rng.integers(66, 75))
    waits = rng.random() < RIFF_WAITS_CHANCE
    for span in chord_spans(form, "other"):
        if waits and not span.is_loud:
            continue
        voicing = voice_chord(span.chord, None, low, low + 20)
        for start, length, digit in span.strokes(riffs[span.is_loud], style.swing):
            is_sung = is_sounding(lead, start)
            if is_sung and not span.is_loud:
                continue
            pitch = voicing[min(int(digit), len(voicing) - 1)]
            velocity = 90 - BELOW_VOICE if is_sung else 90
            part.notes.append(Note(start, length * 0.95, pitch, velocity))
    return part


def write_pad(rng: np.random.Generator, style: Style, form: list[Section]) -> Part:
    """Hold three voices of each chord of the chorus, high up."""
    part = Part("other", choose(rng, style.pads), pan=rng.uniform(-0.5, 0.5), gain_db=rng.uniform(-9, -4))
    low = int(rng.integers(65, 72))
    voicing: list[int] | None = None
    for span in chord_spans(form, "other"):
        if span.is_loud:
            voicing = voice_chord(span.chord, voicing, low, low + 19, voices=3)
            part.notes += [Note(span.start, span.length * 0.98, pitch, 80) for pitch in voicing]
    return part
