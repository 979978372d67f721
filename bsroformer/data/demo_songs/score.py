"""What a song is made of: notes in beats, parts, sections; and how patterns are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from bsroformer.data.demo_songs.harmony import Chord, Key

T = TypeVar("T")

BEATS = 4  # beats a bar


@dataclass(frozen=True)
class Note:
    """One note: start and length in beats, MIDI pitch and velocity."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Singer:
    """What makes one voice differ from the next."""

    vowels: tuple[str, ...]  # the vowel of each syllable, in turn
    size: float  # scales the formants: above 1 is a smaller head
    vibrato_hz: float
    vibrato_cents: float
    detune_cents: float


@dataclass
class Part:
    """What one player plays: the stem it belongs to, the instrument, its notes and its place in the mix."""

    stem: str
    instrument: str
    notes: list[Note] = field(default_factory=list)
    gain_db: float = 0.0  # relative to the stem's other parts
    pan: float = 0.0  # -1 is left, 1 is right
    singer: Singer | None = None


@dataclass(frozen=True)
class Section:
    """A stretch of a song: its name, first bar, the chords of each bar, and the stems that rest."""

    name: str
    first_bar: int
    bars: list[list[Chord]]
    resting: frozenset[str]

    @property
    def is_loud(self) -> bool:
        """Whether everybody plays out."""
        return self.name == "chorus"

    def chord_at(self, beat: float) -> Chord:
        """Return the chord that sounds at a beat of the song."""
        bar, within = divmod(beat - self.first_bar * BEATS, BEATS)
        chords = self.bars[min(int(bar), len(self.bars) - 1)]
        return chords[int(within * len(chords) / BEATS)]


@dataclass(frozen=True)
class Span:
    """How long one chord sounds: a bar or half of one, in beats of the song."""

    chord: Chord
    bar: int
    start: float
    length: float
    is_loud: bool

    def strokes(self, pattern: str, swing: float) -> list[tuple[float, float, str]]:
        """Read from a bar's pattern what is struck while the chord sounds, as ``read_pattern`` does."""
        strokes = read_pattern(pattern, self.bar, swing)
        return [stroke for stroke in strokes if self.start <= stroke[0] < self.start + self.length]


def chord_spans(form: list[Section], stem: str) -> Iterator[Span]:
    """Walk through the chords of the sections in which a stem plays."""
    for section in form:
        if stem in section.resting:
            continue
        for bar, chords in enumerate(section.bars, section.first_bar):
            length = BEATS / len(chords)
            for place, chord in enumerate(chords):
                yield Span(chord, bar, bar * BEATS + place * length, length, section.is_loud)


@dataclass(frozen=True)
class Song:
    """A composed song, ready to be played."""

    title: str
    style: str
    tempo: float  # beats a minute
    key: Key
    bars: int
    parts: list[Part]

    @property
    def seconds(self) -> float:
        """Length of the written bars in seconds."""
        return self.bars * BEATS * 60 / self.tempo


def read_pattern(pattern: str, bar: int, swing: float = 0.5) -> Iterator[tuple[float, float, str]]:
    """Read a bar's pattern: yield (start, length, letter) of what is struck, in beats of the song.

    A pattern fills a bar, whatever its length: 16 letters are sixteenths, 12 letters are triplets.
    ``.`` is a rest and ``-`` holds what came before::

        x-----x-x...x---      a dotted quarter, an eighth, a sixteenth, a rest, a quarter

    Args:
        pattern: The letters.
        bar: Number of the bar in the song.
        swing: Where the offbeat eighth falls within its beat: 0.5 is straight, 0.67 a shuffle. Triplets
            swing already and are left as they are.
    """
    step = BEATS / len(pattern)
    ratio = 0.5 if len(pattern) % 3 == 0 else swing
    for index, letter in enumerate(pattern):
        if letter in ".-":
            continue
        after = pattern[index + 1 :]
        held = 1 + len(after) - len(after.lstrip("-"))
        start, end = (bar * BEATS + bend(place * step, ratio) for place in (index, index + held))
        yield start, end - start, letter


def bend(beat: float, ratio: float) -> float:
    """Move a place within its beat so that the middle of the beat comes at ``ratio``."""
    whole, within = divmod(beat, 1)
    return whole + (within * 2 * ratio if within < 0.5 else ratio + (within - 0.5) * 2 * (1 - ratio))


def is_sounding(notes: list[Note], beat: float) -> bool:
    """Whether one of the notes sounds at a beat of the song."""
    return any(note.start <= beat < note.start + note.length for note in notes)


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """Choose one of the choices, all as likely."""
    return choices[int(rng.integers(len(choices)))]
