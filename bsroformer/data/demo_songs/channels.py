"""Channel strips of the demo songs: two ways of mixing."""

from dataclasses import dataclass
from typing import Literal

from bsroformer.audio.equaliser import Band, Bell, HighPass, HighShelf, LowPass

Range = tuple[float, float]
"""Limits of a uniform draw for each song."""
Mixing = Literal["clear", "plain"]


@dataclass(frozen=True)
class Channel:
    """A channel strip: the processing of a stem, in this order.

    Attributes:
        drive: Drive of the tape.
        equaliser: Bands of the equaliser.
        level_db: Level in the mix.
        wetness: Level of the reverberation.
        decay: Factor of the song's decay time; 0 is no reverberation.
    """

    drive: Range
    equaliser: tuple[Band, ...]
    level_db: Range
    wetness: Range = (0.0, 0.0)
    decay: float = 0.0


CLEAR = {
    # In front: body from 200 to 500 Hz, the words around 3 kHz, and nothing below the range of a voice.
    "vocals": Channel(
        drive=(0.05, 0.15),
        equaliser=(HighPass(170), Bell(350, 4), Bell(3000, 7)),
        level_db=(1.0, 3.0),
        wetness=(0.08, 0.25),
        decay=1.0,
    ),
    # The kick is felt at 58 Hz; the octaves above it are the bass's; sticks and cymbals shine above all.
    "drums": Channel(
        drive=(0.15, 0.35),
        equaliser=(HighPass(42), Bell(58, 8, q=1.5), Bell(115, -15, q=0.5), HighShelf(3500, 6)),
        level_db=(-1.5, 1.5),
        wetness=(0.03, 0.12),
        decay=0.3,
    ),
    # Above the kick and below the voice, dry, without the noise of its strings.
    "bass": Channel(
        drive=(0.2, 0.5),
        equaliser=(HighPass(65), Bell(100, 3), LowPass(300)),
        level_db=(-1.0, 1.5),
    ),
    # Around and above the voice: low notes would blur the bass, and around 550 Hz they would cover it.
    "other": Channel(
        drive=(0.03, 0.15),
        equaliser=(HighPass(400), Bell(550, -6), HighShelf(1500, 5)),
        level_db=(-1.5, 1.0),
        wetness=(0.08, 0.3),
        decay=0.8,
    ),
}
"""Each stem has a part of the spectrum of its own."""
PLAIN = {
    "vocals": Channel(
        drive=(0.02, 0.1),
        equaliser=(HighPass(100), Bell(2000, 2)),
        level_db=(-1.0, 3.0),
        wetness=(0.05, 0.3),
        decay=1.0,
    ),
    "drums": Channel(drive=(0.05, 0.4), equaliser=(HighPass(30),), level_db=(-2.0, 2.0), wetness=(0.0, 0.2), decay=0.5),
    "bass": Channel(drive=(0.1, 0.6), equaliser=(HighPass(30), LowPass(3000)), level_db=(-2.0, 2.0)),
    "other": Channel(
        drive=(0.02, 0.3), equaliser=(HighPass(100),), level_db=(-2.0, 2.0), wetness=(0.05, 0.3), decay=0.8
    ),
}
"""Stems keep their full range, as in a rough mix, and are harder to tell apart."""
CHANNELS: dict[Mixing, dict[str, Channel]] = {"clear": CLEAR, "plain": PLAIN}
STEMS = tuple(CLEAR)
