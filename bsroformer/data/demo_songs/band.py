"""The band: drums, bass, and the players of the stem ``other``."""

import numpy as np

from bsroformer.data.demo_songs.harmony import Chord, voice_chord
from bsroformer.data.demo_songs.instruments import DRUM_KEYS
from bsroformer.data.demo_songs.score import Note, Part, Section, chord_spans, is_sounding, pick, read_pattern
from bsroformer.data.demo_songs.style import FILLS, TRIPLET_FILLS, DrumBar, Style, add_fill, read_drums

STROKES = {"X": 118, "x": 98, "o": 48}  # velocities
TIMEKEEPERS = ("hat", "ride", "maracas", "cowbell", "tambourine", "pedal")
FILL_CHANCE = 0.75  # that a section ends with a fill
RIFF_WAITS_CHANCE = 0.3  # that the riff comes in with the chorus only
BELOW_VOICE = 16  # velocity that chords and riffs give up while somebody sings: about 3 dB


def choose(rng: np.random.Generator, instruments: str) -> str:
    """Choose one of the instruments of a comma-separated list."""
    return pick(rng, instruments.split(", "))


def write_drums(rng: np.random.Generator, style: Style, form: list[Section]) -> Part:
    """Play the groove of each section, with a crash where one begins and a fill where it ends."""
    part = Part("drums", choose(rng, style.kits))
    for section in form:
        if "drums" in section.resting:
            continue
        groove = read_drums(style.chorus if section.is_loud else style.verse)
        fills = TRIPLET_FILLS if len(groove["kick"]) == 12 else FILLS
        for bar in range(len(section.bars)):
            drums = dict(groove)
            if bar == len(section.bars) - 1 and rng.random() < FILL_CHANCE:
                drums = add_fill(drums, read_drums(pick(rng, fills)))
            if bar == 0 and section.first_bar > 0:
                drums["crash"] = "x..."
            part.notes += drum_bar(drums, section.first_bar + bar, style.swing)
    return part


def drum_bar(drums: DrumBar, bar: int, swing: float) -> list[Note]:
    """Notes of one bar of drums; who keeps time plays softer off the beat."""
    return [
        Note(start, 0.25, DRUM_KEYS[drum], STROKES[letter] - 14 * (drum in TIMEKEEPERS and start % 1 != 0))
        for drum, pattern in drums.items()
        for start, _, letter in read_pattern(pattern, bar, swing)
    ]


def write_bass(rng: np.random.Generator, style: Style, form: list[Section]) -> Part:
    """Play a line for the verse and one for the chorus, on the degrees of the chords."""
    part = Part("bass", choose(rng, style.basses))
    low = int(rng.integers(29, 35))  # F1 to B1: roots lie between 44 and 117 Hz
    lines = {is_loud: pick(rng, style.bass) for is_loud in (False, True)}
    spans = list(chord_spans(form, "bass"))
    for span, ahead in zip(spans, [*spans[1:], *spans[:1]], strict=True):
        for start, length, letter in span.strokes(lines[span.is_loud], style.swing):
            pitch = bass_pitch(letter, span.chord, ahead.chord, low)
            part.notes.append(Note(start, length * 0.93, pitch, 100 if start % 1 == 0 else 92))
    return part


def bass_pitch(letter: str, chord: Chord, ahead: Chord, low: int) -> int:
    """MIDI pitch of a letter of a bass line; roots lie in the octave above ``low``."""
    if letter == "a":
        return low + (ahead.root - low) % 12 - 1
    third, fifth, *above = chord.intervals[1:]
    seventh = above[0] if above and above[0] < 12 else 12
    sixth = 9 if third == 4 else seventh
    degrees = {"R": 0, "3": third, "5": fifth, "6": sixth, "7": seventh, "8": 12}
    return low + (chord.root - low) % 12 + degrees[letter]


def write_chords(rng: np.random.Generator, style: Style, form: list[Section], side: float, lead: list[Note]) -> Part:
    """Strike the chords around middle C, each voicing close to the one before, softer below the ``lead``."""
    part = Part("other", choose(rng, style.compers), pan=side * rng.uniform(0.4, 0.8))
    rhythms = {is_loud: pick(rng, style.comping) for is_loud in (False, True)}
    low = int(rng.integers(54, 61))
    # A strum reaches the strings one after the other; a hand on a keyboard does not.
    delay = 0.025 if "guitar" in part.instrument else 0.0
    voicing: list[int] | None = None
    for span in chord_spans(form, "other"):
        voicing = voice_chord(span.chord, voicing, low, low + 20)
        for start, length, _ in span.strokes(rhythms[span.is_loud], style.swing):
            velocity = (96 if span.is_loud else 86) - BELOW_VOICE * is_sounding(lead, start)
            part.notes += [
                Note(start + string * delay, length * 0.9, pitch, velocity) for string, pitch in enumerate(voicing)
            ]
    return part


def write_riff(rng: np.random.Generator, style: Style, form: list[Section], side: float, lead: list[Note]) -> Part:
    """Play single voices of the chord above the comping, by the digits of a pattern.

    In a verse the riff answers the ``lead``, in a chorus it goes on below it.
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
            if span.is_loud or not is_sung:
                pitch = voicing[min(int(digit), len(voicing) - 1)]
                part.notes.append(Note(start, length * 0.95, pitch, 90 - BELOW_VOICE * is_sung))
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
