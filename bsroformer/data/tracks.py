"""Find the songs of a data set on disk, in the layout of MUSDB18.

::

    root/train/<song>.stem.mp4        or        root/train/<song>/vocals.wav ...
    root/test/<song>.stem.mp4                   root/test/<song>/vocals.wav ...

The splits are ``train``, ``test`` and, optionally, ``valid``; songs of ``train`` can be named to be ``valid``
ones. Only headers are read, so that a data set is found in a second or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bsroformer.data.song import STEM_MP4, Track, open_track, song_name
from bsroformer.errors import InputError

__all__ = ["SPLITS", "Layout", "Splits", "Track", "find_tracks", "list_songs", "split_folders"]

Layout = Literal["stem_mp4", "folders", "any"]
SPLITS = ("train", "valid", "test")

# Faulty songs that one message names: enough to see what they have in common.
_NAMED_FAULTS = 3
_ROOT_REMEDY = "set data.root, or the environment variable MUSDB_PATH, to the folder that holds train/ and test/"
_SONGS_OF: dict[Layout, str] = {
    "stem_mp4": f"files <song>{STEM_MP4}",
    "folders": "folders <song>/ with a file for each stem",
    "any": f"files <song>{STEM_MP4} or folders <song>/ with a file for each stem",
}
_CONFIG_OF: dict[Layout, str] = {"stem_mp4": "data=musdb18", "folders": "data=musdb18hq"}


@dataclass(frozen=True)
class Splits:
    """The songs of a data set, each list in the order of names."""

    train: list[Track]
    valid: list[Track]
    test: list[Track]


def find_tracks(
    root: str | Path | None,
    stems: Sequence[str],
    sample_rate: int,
    channels: int,
    layout: Layout = "any",
    valid_songs: Sequence[str] | None = None,
) -> Splits:
    """Find every song of a data set and check that its files fit together.

    Args:
        root: The data set's folder, which holds the folders of the splits.
        stems: Names of the stems that each song must have.
        sample_rate: The rate in Hz that each file must have.
        channels: The number of channels that each file must have.
        layout: The kind of songs to take: ``stem_mp4``, ``folders``, or ``any``.
        valid_songs: Songs to move from ``train`` to ``valid``; some may be missing, as in MUSDB18-7, not all.

    Returns:
        The songs by split; a split without a folder is empty.

    Raises:
        InputError: No data set at ``root`` or none of this layout; faulty songs; no song of ``valid_songs``.
    """
    folders = split_folders(root)
    songs = [(split, path) for split, folder in folders.items() for path in list_songs(folder, layout)]
    if not songs:
        raise InputError(_no_songs(list(folders.values()), layout))

    opened = [_open_or_error(path, split, stems, sample_rate, channels) for split, path in songs]
    faults = [str(error).removesuffix(".") for error in opened if isinstance(error, InputError)]
    if faults:
        raise InputError(_faulty_songs(faults, len(songs)))
    tracks = [track for track in opened if isinstance(track, Track)]
    train, valid, test = ([track for track in tracks if track.split == split] for split in SPLITS)
    return _move_to_valid(Splits(train, valid, test), valid_songs or ())


def split_folders(root: str | Path | None) -> dict[str, Path]:
    """The folders of the splits that a data set has, by split.

    Raises:
        InputError: ``root`` is None, missing, or has neither ``train`` nor ``valid`` nor ``test``.
    """
    if root is None:
        raise InputError(f"No data set is named: {_ROOT_REMEDY}.")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"There is no data set folder {root}: {_ROOT_REMEDY}.")
    folders = {split: root / split for split in SPLITS if (root / split).is_dir()}
    if not folders:
        raise InputError(f"{root} should hold the folders train/ and test/, but holds {_listed(root)}: {_ROOT_REMEDY}.")
    return folders


def list_songs(folder: Path, layout: Layout = "any") -> list[Path]:
    """The songs of a split in the order of names: its ``.stem.mp4`` files, its visible folders, or both.

    Raises:
        InputError: A song is there in both kinds.
    """
    songs: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not _is_song(path, layout):
            continue
        if song_name(path) in songs:
            raise InputError(f"{folder} holds {song_name(path)} as a file and as a folder: remove one, or set layout.")
        songs[song_name(path)] = path
    return list(songs.values())


def _is_song(path: Path, layout: Layout) -> bool:
    kind = "folders" if path.is_dir() else "stem_mp4" if path.name.endswith(STEM_MP4) else None
    return kind is not None and layout in (kind, "any")


def _open_or_error(path: Path, split: str, stems: Sequence[str], sample_rate: int, channels: int) -> Track | InputError:
    try:
        return open_track(path, split, stems, sample_rate, channels)
    except InputError as error:
        return error


def _no_songs(folders: Sequence[Path], layout: Layout) -> str:
    """The message for split folders without a song of this layout: it tells of songs of the other."""
    expected = f"Expected {_SONGS_OF[layout]} in {folders[0]}"
    other: Layout = "folders" if layout == "stem_mp4" else "stem_mp4"
    if layout != "any" and any(list_songs(folder, other) for folder in folders):
        return f"{expected}, but found {_SONGS_OF[other]}: choose {_CONFIG_OF[other]}, or another data.root."
    return f"{expected}, but found {_listed(folders[0])}: {_ROOT_REMEDY}, with songs in them."


def _faulty_songs(faults: Sequence[str], songs: int) -> str:
    more = f"; and {len(faults) - _NAMED_FAULTS} more" if len(faults) > _NAMED_FAULTS else ""
    return f"{len(faults)} of {songs} songs cannot be used: {'; '.join(faults[:_NAMED_FAULTS])}{more}."


def _listed(folder: Path, most: int = 5) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "nothing"


def _move_to_valid(splits: Splits, names: Sequence[str]) -> Splits:
    """Move the named songs from train to valid; a data set without a train split is left as it is."""
    if not names or not splits.train:
        return splits
    moved = [replace(track, split="valid") for track in splits.train if track.name in names]
    if not moved:
        raise InputError(
            f"None of the {len(names)} songs of data.valid_songs ({names[0]}...) is in "
            f"{splits.train[0].path.parent}: name songs that are there."
        )
    train = [track for track in splits.train if track.name not in names]
    return Splits(train, sorted(splits.valid + moved, key=lambda track: track.name), splits.test)
