"""MUSDB18's layout: a file or a folder for each song, in a folder for each split.

::

    <root>/train/<song>.stem.mp4        audio streams: 0 mixture, 1 drums, 2 bass, 3 other, 4 vocals (MUSDB18)
    <root>/train/<song>/vocals.wav ...  a file for each stem, and mixture.wav if there is one (MUSDB18-HQ)
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import yaml

from bsroformer.data.layouts.track_files import MIXTURE, SPLITS, StemFile, TrackFiles, audio_files, entries
from bsroformer.errors import InputError
from bsroformer.file_names import normal

SongKind = Literal["stem_mp4", "folders", "any"]
STEM_MP4 = ".stem.mp4"
# The order of the streams in a file of MUSDB18: https://sigsep.github.io/datasets/musdb.html
MUSDB_STREAMS = (MIXTURE, "drums", "bass", "other", "vocals")
ROOT_REMEDY = "set data.root, or the environment variable MUSDB_PATH, to the folder that holds train/ and test/"


def split_folders(root: str | Path | None) -> dict[str, Path]:
    """The folders of the splits that a data set has, by split.

    Raises:
        InputError: ``root`` is None, missing, or has neither ``train`` nor ``valid`` nor ``test``.
    """
    if root is None:
        raise InputError(f"No data set is named: {ROOT_REMEDY}.")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"There is no data set folder {root}: {ROOT_REMEDY}.")
    folders = {split: root / split for split in SPLITS if (root / split).is_dir()}
    if not folders:
        raise InputError(
            f"{root} should hold the folders train/ and test/, but holds {listed(root)}: {ROOT_REMEDY}; songs that are "
            "in no such folders are divided by data=folder."
        )
    return folders


def list_songs(folder: Path, split: str, kind: SongKind = "any") -> list[TrackFiles]:
    """The songs of a folder in the order of names: its ``.stem.mp4`` files, its visible folders, or both.

    Raises:
        InputError: A song is there in both kinds.
    """
    songs: dict[str, TrackFiles] = {}
    for path in entries(folder):
        if not _is_song(path, kind):
            continue
        song = track_in_folder(path, split) if path.is_dir() else track_in_stem_mp4(path, split)
        if song.name in songs:
            raise InputError(f"{folder} holds {song.name} as a file and as a folder: remove one, or set layout.")
        songs[song.name] = song
    return list(songs.values())


def track_in_folder(folder: Path, split: str) -> TrackFiles:
    """A song that is a folder with a file for each stem."""
    stems: dict[str, StemFile] = {}
    faults = []
    for path in audio_files(folder):
        stem = normal(path.stem)
        if stem in stems:
            faults.append(f"{folder} has both {stems[stem].path.name} and {path.name}: remove one of them.")
        else:
            stems[stem] = StemFile(path)
    return TrackFiles(normal(folder.name), split, folder, stems, faults=tuple(faults))


def track_in_stem_mp4(path: Path, split: str) -> TrackFiles:
    """A song that is a file with a stream for each stem."""
    stems = {stem: StemFile(path, stream) for stream, stem in enumerate(MUSDB_STREAMS)}
    return TrackFiles(normal(path.name.removesuffix(STEM_MP4)), split, path, stems)


def listed(folder: Path, most: int = 5) -> str:
    """The first names in a folder, as a phrase."""
    names = [path.name for path in entries(folder)]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "nothing"


def _is_song(path: Path, kind: SongKind) -> bool:
    found = "folders" if path.is_dir() else "stem_mp4" if path.name.endswith(STEM_MP4) else None
    return found is not None and kind in (found, "any")


def validation_songs() -> tuple[str, ...]:
    """The 14 training songs of MUSDB18 that are the official validation set, by name.

    Raises:
        InputError: The ``musdb`` package is not installed.
    """
    spec = find_spec("musdb")
    if spec is None or spec.origin is None:
        raise InputError(
            "The names of MUSDB18's validation songs come with the package musdb, which is not installed: "
            "run `pip install musdb`, or list the songs under data.valid_songs."
        )
    settings = yaml.safe_load(Path(spec.origin).with_name("configs").joinpath("mus.yaml").read_text("utf-8"))
    return tuple(settings["validation_tracks"])
