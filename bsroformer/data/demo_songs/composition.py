"""Compose a song: its key, chords and form, and what everybody plays."""

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
# Who may rest in a section; all play in a verse or a chorus.
RESTS: dict[str, tuple[set[str], ...]] = {
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
LAST_CHORD_CHANCE = 0.6  # that the song ends on one more chord, struck after the last bar

# Standard deviation of onsets in seconds: nobody is a machine, singers least.
LOOSENESS = {"drums": 0.004, "bass": 0.006, "other": 0.008, "vocals": 0.014}
VELOCITY_SPREAD = 6.0


def compose(rng: np.random.Generator, title: str, style: Style, tonic: int, seconds: float) -> Song:
    """Compose a song of whole bars, as near to ``seconds`` as its tempo allows, on a tonic (pitch class)."""
    tempo = float(rng.integers(style.tempo[0], style.tempo[1] + 1))
    bars = max(1, round(seconds * tempo / 60 / BEATS))
    key = Key(tonic, mode=pick(rng, list(PROGRESSIONS[style.harmony])))
    form = write_form(rng, style, key, bars)
    side = pick(rng, (-1.0, 1.0))
    vocals = write_vocals(rng, form, key, style.swing)
    lead = vocals[0].notes  # the band listens to it
    parts = [
        write_drums(rng, style, form),
        write_bass(rng, style, form),
        write_chords(rng, style, form, side, lead),
        write_riff(rng, style, form, -side, lead),
        write_pad(rng, style, form),
        *vocals,
    ]
    parts = [part for part in parts if part.notes]
    if rng.random() < LAST_CHORD_CHANCE:
        strike_last_chord(parts, key.home, bars * BEATS)
    for part in parts:
        part.notes = [humanise(rng, note, LOOSENESS[part.stem] * tempo / 60) for note in part.notes]
    return Song(title, style.name, tempo, key, bars, parts)


def write_form(rng: np.random.Generator, style: Style, key: Key, bars: int) -> list[Section]:
    """Lay out the sections; the chorus has chords of its own, the others share the verse's."""
    progressions = PROGRESSIONS[style.harmony][key.mode]
    verse, chorus = (key.progression(pick(rng, progressions)) for _ in range(2))
    form: list[Section] = []
    first_bar = 0
    for name, length in share_bars(pick(rng, FORMS).split(), bars):
        chords = chorus if name == "chorus" else verse
        looped = [chords[bar % len(chords)] for bar in range(length)]
        resting = frozenset(pick(rng, RESTS[name])) if name in RESTS else frozenset()
        form.append(Section(name, first_bar, looped, resting))
        first_bar += length
    return form


def share_bars(names: list[str], bars: int) -> list[tuple[str, int]]:
    """Give short sections a bar or two and share the rest among the long ones, in pairs of bars.

    A song of less than 5 bars has no room for a form and is all chorus.
    """
    if bars < 5:
        return [("chorus", bars)]
    short = 2 if bars >= 10 else 1
    lengths = [short if name in SHORT_SECTIONS else 0 for name in names]
    places = [place for place, length in enumerate(lengths) if not length]
    left = bars - sum(lengths)
    for number, place in enumerate(places):
        fair = left / (len(places) - number)
        is_last = number == len(places) - 1
        lengths[place] = left if is_last else max(1, 2 * round(fair / 2))
        left -= lengths[place]
    return [(name, length) for name, length in zip(names, lengths, strict=True) if length > 0]


def strike_last_chord(parts: list[Part], chord: Chord, beat: float) -> None:
    """Let the band come home to the tonic: kick and crash, the bass on the root, and whoever plays chords."""
    for part in parts:
        if part.stem == "drums":
            part.notes += [Note(beat, 0.25, DRUM_KEYS[drum], 110) for drum in ("kick", "crash")]
        elif part.stem == "bass":
            part.notes.append(Note(beat, 2, nearest(part.notes[-1].pitch, (chord.root,)), 100))
    comper = next(part for part in parts if part.stem == "other")
    comper.notes += [Note(beat, 2, pitch, 96) for pitch in voice_chord(chord, None, 55, 75)]


def humanise(rng: np.random.Generator, note: Note, looseness: float) -> Note:
    """Move a note by a normal deviate, at most two standard deviations, and vary its velocity."""
    start = max(0.0, note.start + looseness * float(np.clip(rng.normal(), -2, 2)))
    velocity = int(np.clip(note.velocity + VELOCITY_SPREAD * rng.normal(), 20, 127))
    return Note(start, note.length, note.pitch, velocity)
