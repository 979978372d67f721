"""Open the songs of a data set, in three splits.

The splits are ``train``, ``test`` and, optionally, ``valid``; songs of ``train`` can be named to be ``valid`` ones.
Only headers are read, so that a data set is found in a second or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bsroformer.data.layouts import SPLITS, Layout, SongFiles, SongFormat, find_files
from bsroformer.data.song import Track, open_track
from bsroformer.errors import InputError

__all__ = ["SPLITS", "Layout", "Splits", "Track", "find_tracks", "open_tracks"]

# Faulty songs that one message names: enough to see what they have in common.
_NAMED_FAULTS = 3


@dataclass(frozen=True)
class Splits:
    """The songs of a data set, each list in the order of names."""

    train: list[Track]
    valid: list[Track]
    test: list[Track]


def find_tracks(
    root: str | Path | None,
    form: SongFormat,
    layout: Layout = "any",
    valid_songs: Sequence[str] = (),
    extra: Sequence[str] = (),
) -> Splits:
    """Find every song of a data set and check that its files fit together.

    Args:
        root: The data set's folder, which holds the folders of the splits, or its table.
        form: What each song must have.
        layout: The kind of songs to take.
        valid_songs: Songs to move from ``train`` to ``valid``; some may be missing, as in MUSDB18-7, not all.
        extra: Further material to train on.

    Returns:
        The songs by split; a split without a folder is empty.

    Raises:
        InputError: No data set at ``root`` or none of this layout; faulty songs; no song of ``valid_songs``.
    """
    return open_tracks(named_valid(find_files(root, form.stems, layout, extra), valid_songs), form)


def open_tracks(songs: Sequence[SongFiles], form: SongFormat) -> Splits:
    """Open songs that were found.

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


def named_valid(songs: Sequence[SongFiles], names: Sequence[str]) -> list[SongFiles]:
    """Move the named songs from train to valid; a data set without a train split is left as it is.

    Raises:
        InputError: If none of them is in train.
    """
    train = [song for song in songs if song.split == "train"]
    if not names or not train:
        return list(songs)
    if not any(song.name in names for song in train):
        raise InputError(
            f"None of the {len(names)} songs of data.valid_songs ({names[0]}...) is in "
            f"{train[0].path.parent}: name songs that are there."
        )
    return [replace(song, split="valid") if song.split == "train" and song.name in names else song for song in songs]


def _open_or_error(song: SongFiles, form: SongFormat) -> Track | InputError:
    try:
        return open_track(song, form)
    except InputError as error:
        return error


def _faulty_songs(faults: Sequence[str], songs: int) -> str:
    more = f"; and {len(faults) - _NAMED_FAULTS} more" if len(faults) > _NAMED_FAULTS else ""
    return f"{len(faults)} of {songs} songs cannot be used: {'; '.join(faults[:_NAMED_FAULTS])}{more}."
