"""The channel strips of the mixing desk: each stem gets its place in the spectrum, in the room and in level."""

from dataclasses import dataclass

from bsroformer.audio.equaliser import Band, Bell, HighPass, HighShelf, LowPass

Range = tuple[float, float]  # what a song draws from, uniformly


@dataclass(frozen=True)
class Channel:
    """What the desk does to a stem, in this order.

    Attributes:
        drive: How hard the tape is driven.
        equaliser: Where the stem sounds.
        level_db: How loud it is in the mix.
        wetness: How loud its room is.
        room: How long its room rings, over the song's; 0 is no room.
    """

    drive: Range
    equaliser: tuple[Band, ...]
    level_db: Range
    wetness: Range = (0.0, 0.0)
    room: float = 0.0


CHANNELS = {
    # In front: body from 200 to 500 Hz, the words around 3 kHz, and nothing below what a voice can sing.
    "vocals": Channel(
        drive=(0.05, 0.15),
        equaliser=(HighPass(170), Bell(350, 4), Bell(3000, 7)),
        level_db=(1.0, 3.0),
        wetness=(0.08, 0.25),
        room=1.0,
    ),
    # The kick is felt at 58 Hz; the octaves above it are the bass's; sticks and cymbals shine above all.
    "drums": Channel(
        drive=(0.15, 0.35),
        equaliser=(HighPass(42), Bell(58, 8, q=1.5), Bell(115, -15, q=0.5), HighShelf(3500, 6)),
        level_db=(-1.5, 1.5),
        wetness=(0.03, 0.12),
        room=0.3,
    ),
    # Above the kick and below the voice, dry. Its strings' noise is left to the guitars.
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
        room=0.8,
    ),
}
