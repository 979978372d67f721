"""The score of a song: notes, parts, sections, and patterns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from bsroformer.data.demo_songs.harmony import Chord, Key

T = TypeVar("T")

BEATS = 4
"""Beats in a bar."""


@dataclass(frozen=True)
class Note:
    """One note: start and length in beats, MIDI pitch and velocity."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Singer:
    """Properties of one voice."""

    vowels: tuple[str, ...]
    """The vowel of each syllable, in turn."""
    size: float
    """Factor of the formants: above 1 is a smaller head."""
    vibrato_hz: float
    vibrato_cents: float
    detune_cents: float


@dataclass
class Part:
    """The part of one player."""

    stem: str
    instrument: str
    notes: list[Note] = field(default_factory=list)
    gain_db: float = 0.0
    """Gain relative to the stem's other parts."""
    pan: float = 0.0
    """From -1, left, to 1, right."""
    singer: Singer | None = None


@dataclass(frozen=True)
class Section:
    """A section of a song: name, first bar, chords by bar, and silent stems."""

    name: str
    first_bar: int
    bars: list[list[Chord]]
    silent: frozenset[str]

    @property
    def is_loud(self) -> bool:
        """True in the chorus, where all players are louder."""
        return self.name == "chorus"

    def chord_at(self, beat: float) -> Chord:
        """Return the chord at a beat of the song."""
        bar, within = divmod(beat - self.first_bar * BEATS, BEATS)
        last_bar = len(self.bars) - 1
        chords = self.bars[min(int(bar), last_bar)]
        number = int(within * len(chords) / BEATS)
        return chords[number]


@dataclass(frozen=True)
class Span:
    """Duration of one chord: a bar or half of one, in beats of the song."""

    chord: Chord
    bar: int
    start: float
    length: float
    is_loud: bool

    def strokes(self, pattern: str, swing: float) -> list[tuple[float, float, str]]:
        """Read the strokes of a bar's pattern that fall on the chord."""
        end = self.start + self.length
        return [stroke for stroke in read_pattern(pattern, self.bar, swing) if self.start <= stroke[0] < end]


def chord_spans(form: list[Section], stem: str) -> Iterator[Span]:
    """Yield the chords of the sections in which a stem plays."""
    for section in form:
        if stem in section.silent:
            continue
        for bar, chords in enumerate(section.bars, section.first_bar):
            length = BEATS / len(chords)
            for number, chord in enumerate(chords):
                start = bar * BEATS + number * length
                yield Span(chord, bar, start, length, section.is_loud)


@dataclass(frozen=True)
class Song:
    """A composed song, ready to be played."""

    title: str
    style: str
    tempo: float
    """Beats a minute."""
    key: Key
    bars: int
    parts: list[Part]

    @property
    def seconds(self) -> float:
        """Length of the written bars in seconds."""
        return self.bars * BEATS * 60 / self.tempo


def read_pattern(pattern: str, bar: int, swing: float = 0.5) -> Iterator[tuple[float, float, str]]:
    """Read a bar's pattern: yield start, length and letter of each stroke.

    Times are in beats of the song.

    A pattern of any length fills a bar: 16 letters are sixteenths, 12 letters are triplets.
    ``.`` is silent and ``-`` holds the stroke before::

        x-----x-x...x---      a dotted quarter, an eighth, a sixteenth, silence, a quarter

    Args:
        pattern: The letters.
        bar: Number of the bar in the song.
        swing: Position of the offbeat eighth within its beat: 0.5 is straight, 0.67 a shuffle. Triplets
            swing already and do not change.
    """
    step = BEATS / len(pattern)
    ratio = 0.5 if len(pattern) % 3 == 0 else swing
    for index, letter in enumerate(pattern):
        if letter in ".-":
            continue
        after = pattern[index + 1 :]
        steps = 1 + len(after) - len(after.lstrip("-"))
        start = bar * BEATS + bend(index * step, ratio)
        end = bar * BEATS + bend((index + steps) * step, ratio)
        yield start, end - start, letter


def bend(beat: float, ratio: float) -> float:
    """Move a time within its beat so that the middle of the beat comes at ``ratio``."""
    whole, within = divmod(beat, 1)
    if within < 0.5:
        return whole + within * 2 * ratio
    return whole + (ratio + (within - 0.5) * 2 * (1 - ratio))


def is_sounding(notes: list[Note], beat: float) -> bool:
    """Check that one of the notes sounds at a beat of the song."""
    return any(note.start <= beat < note.start + note.length for note in notes)


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """Choose one of equally likely choices."""
    return choices[int(rng.integers(len(choices)))]
