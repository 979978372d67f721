"""A style of music as text."""

from dataclasses import dataclass

DrumBar = dict[str, str]
"""Drum -> pattern."""


@dataclass(frozen=True)
class Style:
    """One style, written as text that reads like music.

    Drum bars are tablature, one drum in each line: ``x`` is a hit, ``X`` an accent, ``o`` a ghost note. Chord
    patterns strike the chord at ``x`` and let it ring over ``-``. The digits of a riff pick voices of the
    chord, the lowest first. The letters of a bass line are degrees of the chord: ``R`` root, ``3``, ``5``,
    ``6``, ``7``, ``8`` the octave, ``a`` a half step below the next root. Commas separate instruments.

    Attributes:
        name: Its name among musicians.
        tempo: Slowest and fastest, in beats a minute.
        harmony: Family of progressions, a key of ``harmony.PROGRESSIONS``.
        verse: Drums of the verse.
        chorus: Drums of the chorus.
        bass: Bass lines.
        comping: Rhythms of the chords.
        riff: Arpeggios and riffs.
        kits: Drum kits.
        basses: Basses.
        compers: Instruments that play the chords.
        riffers: Instruments that play the riff.
        pads: Instruments that hold the chords in the chorus.
        swing: Position of the offbeat eighth within its beat: 0.5 is straight, 0.67 a shuffle.
    """

    name: str
    tempo: tuple[int, int]
    harmony: str
    verse: str
    chorus: str
    bass: tuple[str, ...]
    comping: tuple[str, ...]
    riff: tuple[str, ...]
    kits: str
    basses: str
    compers: str
    riffers: str
    pads: str
    swing: float = 0.5


def read_drums(tablature: str) -> DrumBar:
    """Read drum tablature: ``"kick x...x..."`` on each line."""
    return dict(line.split() for line in tablature.strip().splitlines())


# Fills at the end of a section. The groove stops at the first stroke of the fill, except for the kick.
FILLS = (
    """
    snare ............xxxX
    """,
    """
    snare ........x.xxxxxX
    """,
    """
    high  ........xx......
    mid   ..........xx....
    low   ............xx..
    floor ..............xx
    """,
    """
    snare ........xx..x...
    mid   ..........xx..x.
    floor .............x.x
    """,
    """
    snare ............x..x
    open  ..............x.
    """,
    """
    kick  ............x...
    snare ..........x.x.xX
    """,
    """
    clap  ............x.xx
    """,
)
TRIPLET_FILLS = (
    """
    snare .........xxX
    """,
    """
    snare ......x.x...
    mid   .........x..
    floor ..........xx
    """,
    """
    high  ......xxx...
    floor .........xxX
    """,
)


def add_fill(groove: DrumBar, fill: DrumBar) -> DrumBar:
    """Play the groove up to the first stroke of the fill, then the fill.

    The kick continues below it.
    """
    first_stroke = min(len(pattern) - len(pattern.lstrip(".")) for pattern in fill.values())
    silence = "." * len(groove["kick"])
    end = {**dict.fromkeys(groove, silence), "kick": groove["kick"], **fill}
    bar = {}
    for drum, pattern in end.items():
        beginning = groove.get(drum, silence)
        bar[drum] = beginning[:first_stroke] + pattern[first_stroke:]
    return bar
