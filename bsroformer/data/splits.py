"""Open the songs of a data set, in three splits.

The splits are ``train``, ``test`` and, optionally, ``valid``; songs of ``train`` can be named to be ``valid`` ones.
Only headers are read, so that a data set is found in a second or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bsroformer.data.layouts import SPLITS, TrackFiles, TrackFormat, refuse_equal_names
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError
from bsroformer.file_names import normal

__all__ = ["Splits", "Track", "named_valid", "open_tracks"]

# Faulty songs that one message names: enough to see what they have in common.
_NAMED_FAULTS = 3


@dataclass(frozen=True)
class Splits:
    """The songs of a data set, each list in the order of names."""

    train: list[Track]
    valid: list[Track]
    test: list[Track]


def open_tracks(songs: Sequence[TrackFiles], form: TrackFormat) -> Splits:
    """Open songs that were found, and check that the files of each fit together.

    Raises:
        InputError: Some are faulty: it tells how many, and what is wrong with the first.
    """
    opened = [_open_or_error(song, form) for song in songs]
    faults = [str(error).removesuffix(".") for error in opened if isinstance(error, InputError)]
    if faults:
        raise InputError(_faulty_songs(faults, len(songs)))
    tracks = [track for track in opened if isinstance(track, Track)]
    tracks.sort(key=lambda track: track.name)
    return Splits(*([track for track in tracks if track.split == split] for split in SPLITS))


def named_valid(songs: Sequence[TrackFiles], names: Sequence[str]) -> list[TrackFiles]:
    """Move the named songs from train to valid; a data set without a train split is left as it is.

    Raises:
        InputError: If none of them is in train.
    """
    names = [normal(name) for name in names]
    train = [song for song in songs if song.split == "train"]
    if not names or not train:
        return list(songs)
    if clip := next((song for song in train if song.name in names and not song.whole), None):
        raise InputError(
            f"data.valid_songs names {clip.name}, which is a clip or further material and need not have every stem: "
            "name songs of the data set itself."
        )
    if not any(song.name in names for song in train):
        raise InputError(
            f"None of the {len(names)} songs of data.valid_songs ({names[0]}...) is in "
            f"{train[0].path.parent}: name songs that are there, or choose data=folder for songs of your own."
        )
    moved = [replace(song, split="valid") if song.split == "train" and song.name in names else song for song in songs]
    refuse_equal_names(moved)
    return moved


def _open_or_error(song: TrackFiles, form: TrackFormat) -> Track | InputError:
    try:
        return open_track(song, form)
    except InputError as error:
        return error


def _faulty_songs(faults: Sequence[str], songs: int) -> str:
    more = f"; and {len(faults) - _NAMED_FAULTS} more" if len(faults) > _NAMED_FAULTS else ""
    return f"{len(faults)} of {songs} songs cannot be used: {'; '.join(faults[:_NAMED_FAULTS])}{more}."
