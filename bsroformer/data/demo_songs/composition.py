"""Compose a song: its key, chords and form, and the part of every player."""

import numpy as np

from bsroformer.data.demo_songs.band import write_bass, write_chords, write_drums, write_pad, write_riff
from bsroformer.data.demo_songs.harmony import PROGRESSIONS, Chord, Key, nearest, voice_chord
from bsroformer.data.demo_songs.instruments import DRUM_KEYS
from bsroformer.data.demo_songs.melody import write_vocals
from bsroformer.data.demo_songs.score import BEATS, Note, Part, Section, Song, pick
from bsroformer.data.demo_songs.style import Style
from bsroformer.data.demo_songs.styles_pop import POP_STYLES
from bsroformer.data.demo_songs.styles_roots import ROOTS_STYLES

STYLES = POP_STYLES + ROOTS_STYLES

FORMS = (
    "intro verse chorus",
    "intro verse chorus outro",
    "intro chorus verse",
    "intro verse break chorus",
    "verse chorus break chorus",
)
SHORT_SECTIONS = ("intro", "break", "outro")
SILENT_STEMS: dict[str, tuple[set[str], ...]] = {
    "intro": (
        {"vocals"},
        {"vocals", "drums"},
        {"vocals", "bass"},
        {"vocals", "drums", "bass"},
        {"vocals", "other"},
    ),
    "break": ({"drums"}, {"drums", "bass"}, {"other", "bass"}, {"vocals"}, {"vocals", "other"}),
    "outro": ({"vocals"}, {"vocals", "drums"}, {"drums", "bass"}, {"vocals", "bass"}),
}
"""Stems that may be silent in a section; all play in a verse or a chorus."""
LAST_CHORD_CHANCE = 0.6
"""Probability that the song ends on one more chord, struck after the last bar."""
LOOSENESS = {"drums": 0.004, "bass": 0.006, "other": 0.008, "vocals": 0.014}
"""Standard deviation of onsets in seconds, largest for singers."""
VELOCITY_SPREAD = 6.0
"""Standard deviation of velocities."""


def compose(rng: np.random.Generator, title: str, style: Style, tonic: int, seconds: float) -> Song:
    """Compose a song of whole bars on a tonic (pitch class).

    Its length is as near to ``seconds`` as its tempo allows.
    """
    slowest, fastest = style.tempo
    tempo = float(rng.integers(slowest, fastest + 1))
    bars = max(1, round(seconds * tempo / 60 / BEATS))
    key = Key(tonic, mode=pick(rng, list(PROGRESSIONS[style.harmony])))
    form = write_form(rng, style, key, bars)
    side = pick(rng, (-1.0, 1.0))
    vocals = write_vocals(rng, form, key, style.swing)
    lead = vocals[0].notes  # the band follows it
    band = [
        write_drums(rng, style, form),
        write_bass(rng, style, form),
        write_chords(rng, style, form, side, lead),
        write_riff(rng, style, form, -side, lead),
        write_pad(rng, style, form),
    ]
    parts = [part for part in (*band, *vocals) if part.notes]
    if rng.random() < LAST_CHORD_CHANCE:
        strike_last_chord(parts, key.home, bars * BEATS)
    for part in parts:
        looseness = LOOSENESS[part.stem] * tempo / 60
        part.notes = [humanise(rng, note, looseness) for note in part.notes]
    return Song(title, style.name, tempo, key, bars, parts)


def write_form(rng: np.random.Generator, style: Style, key: Key, bars: int) -> list[Section]:
    """Write the sections.

    The chorus has chords of its own, the others share the verse's.
    """
    progressions = PROGRESSIONS[style.harmony][key.mode]
    verse = key.progression(pick(rng, progressions))
    chorus = key.progression(pick(rng, progressions))
    form: list[Section] = []
    first_bar = 0
    for name, length in share_bars(pick(rng, FORMS).split(), bars):
        chords = chorus if name == "chorus" else verse
        looped = [chords[bar % len(chords)] for bar in range(length)]
        silent = frozenset(pick(rng, SILENT_STEMS[name])) if name in SILENT_STEMS else frozenset()
        form.append(Section(name, first_bar, looped, silent))
        first_bar += length
    return form


def share_bars(names: list[str], bars: int) -> list[tuple[str, int]]:
    """Divide the bars between the sections.

    Short ones get a bar or two, the long ones the others, in pairs of bars.

    A song of less than 5 bars is too short for a form and is all chorus.
    """
    if bars < 5:
        return [("chorus", bars)]
    short = 2 if bars >= 10 else 1
    lengths = [short if name in SHORT_SECTIONS else 0 for name in names]
    long_sections = [index for index, length in enumerate(lengths) if not length]
    left = bars - sum(lengths)
    for number, index in enumerate(long_sections):
        sections_left = len(long_sections) - number
        lengths[index] = left if sections_left == 1 else max(1, 2 * round(left / sections_left / 2))
        left -= lengths[index]
    return [(name, length) for name, length in zip(names, lengths, strict=True) if length > 0]


def strike_last_chord(parts: list[Part], chord: Chord, beat: float) -> None:
    """End on the tonic with kick, crash, bass and chords."""
    for part in parts:
        if part.stem == "drums":
            part.notes += [Note(beat, 0.25, DRUM_KEYS[drum], 110) for drum in ("kick", "crash")]
        elif part.stem == "bass":
            part.notes.append(Note(beat, 2, nearest(part.notes[-1].pitch, (chord.root,)), 100))
    comper = next(part for part in parts if part.stem == "other")
    comper.notes += [Note(beat, 2, pitch, 96) for pitch in voice_chord(chord, None, 55, 75)]


def humanise(rng: np.random.Generator, note: Note, looseness: float) -> Note:
    """Vary the start and the velocity of a note by normal deviates."""
    shift = looseness * float(np.clip(rng.normal(), -2, 2))
    start = max(0.0, note.start + shift)
    velocity = note.velocity + VELOCITY_SPREAD * rng.normal()
    return Note(start, note.length, note.pitch, int(np.clip(velocity, 20, 127)))
