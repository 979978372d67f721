"""Open the tracks of a data set in its splits.

These are ``train``, ``test`` and, optionally, ``valid``.

Tracks of ``train`` can be named for validation. Only headers are read, which takes a second or two for MUSDB18.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bsroformer.data.layouts import SPLITS, TrackFiles, TrackFormat, refuse_equal_names
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError
from bsroformer.file_names import normal
from bsroformer.text import listed


@dataclass(frozen=True)
class Splits:
    """The tracks of a data set, each list in the order of names."""

    train: list[Track]
    valid: list[Track]
    test: list[Track]


def open_tracks(files: Sequence[TrackFiles], form: TrackFormat) -> Splits:
    """Open tracks, and check that the files of each fit together.

    Raises:
        InputError: Tracks are faulty: their number, and the faults of the first.
    """
    opened = [_open_or_error(song, form) for song in files]
    faults = [str(error).removesuffix(".") for error in opened if isinstance(error, InputError)]
    if faults:
        first = listed(faults, separator="; ", last="; and ")
        raise InputError(f"{len(faults)} of {len(files)} songs cannot be used: {first}.")
    tracks = [track for track in opened if isinstance(track, Track)]
    tracks.sort(key=lambda track: track.name)
    by_split = {split: [track for track in tracks if track.split == split] for split in SPLITS}
    return Splits(**by_split)


def _open_or_error(song: TrackFiles, form: TrackFormat) -> Track | InputError:
    try:
        return open_track(song, form)
    except InputError as error:
        return error


def named_valid(files: Sequence[TrackFiles], names: Sequence[str]) -> list[TrackFiles]:
    """Move the named tracks from train to valid.

    A data set without a train split stays as it is.

    Raises:
        InputError: No named track is in train, or one is a clip.
    """
    wanted = {normal(name) for name in names}
    train = [song for song in files if song.split == "train"]
    if not wanted or not train:
        return list(files)
    chosen = [song for song in train if song.name in wanted]
    for song in chosen:
        if not song.whole:
            raise InputError(
                f"data.valid_songs names {song.name}, which is a clip or further material and need not have every "
                "stem; name songs of the data set itself."
            )
    if not chosen:
        raise InputError(
            f"No song of the {len(names)} in data.valid_songs ({names[0]}...) is in {train[0].path.parent}; name songs "
            "of that folder, or choose data=folder for songs of your own."
        )
    moved = [replace(song, split="valid") if song in chosen else song for song in files]
    refuse_equal_names(moved)
    return moved
