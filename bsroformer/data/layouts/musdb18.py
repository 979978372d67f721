"""The layout of MUSDB18: a file or a folder for each track, by split.

::

    <root>/train/<song>.stem.mp4        audio streams: 0 mixture, 1 drums, 2 bass, 3 other, 4 vocals (MUSDB18)
    <root>/train/<song>/vocals.wav ...  a file for each stem, and mixture.wav if there is one (MUSDB18-HQ)
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import yaml

from bsroformer.data.layouts.track_files import (
    MIXTURE,
    SPLITS,
    StemFile,
    TrackFiles,
    audio_files,
    describe_entries,
    entries,
)
from bsroformer.errors import InputError
from bsroformer.file_names import normal

TrackKind = Literal["stem_mp4", "folders", "any"]
STEM_MP4 = ".stem.mp4"
# The order of the streams in a file of MUSDB18: https://sigsep.github.io/datasets/musdb.html
MUSDB_STREAMS = (MIXTURE, "drums", "bass", "other", "vocals")
ROOT_REMEDY = "set data.root, or the environment variable MUSDB_PATH, to the folder that holds train/ and test/"


def split_folders(root: str | Path | None) -> dict[str, Path]:
    """Find the folders of a data set's splits, by split.

    Raises:
        InputError: ``root`` is None, missing, or has neither ``train`` nor ``valid`` nor ``test``.
    """
    if root is None:
        raise InputError(f"No data set is named; {ROOT_REMEDY}.")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"There is no data set folder {root}; {ROOT_REMEDY}.")
    folders = {split: root / split for split in SPLITS if (root / split).is_dir()}
    if not folders:
        raise InputError(
            f"{root} should hold the folders train/ and test/, but holds {describe_entries(root)}; {ROOT_REMEDY}; "
            "songs that are in no such folders are divided by data=folder."
        )
    return folders


def list_tracks(folder: Path, split: str, kind: TrackKind = "any") -> list[TrackFiles]:
    """List the tracks of a folder in the order of names.

    They are its ``.stem.mp4`` files, its visible folders, or both.

    Raises:
        InputError: A track exists in both kinds.
    """
    tracks: dict[str, TrackFiles] = {}
    for path in entries(folder):
        if path.is_dir() and kind in ("folders", "any"):
            song = track_in_folder(path, split)
        elif path.name.endswith(STEM_MP4) and not path.is_dir() and kind in ("stem_mp4", "any"):
            song = track_in_stem_mp4(path, split)
        else:
            continue
        if song.name in tracks:
            raise InputError(f"{folder} holds {song.name} as a file and as a folder; remove one, or set layout.")
        tracks[song.name] = song
    return list(tracks.values())


def track_in_folder(folder: Path, split: str) -> TrackFiles:
    """List the files of a track that is a folder with a file for each stem."""
    stems: dict[str, StemFile] = {}
    faults = []
    for path in audio_files(folder):
        stem = normal(path.stem)
        if stem in stems:
            faults.append(f"{folder} has both {stems[stem].path.name} and {path.name}; remove one of them.")
        else:
            stems[stem] = StemFile(path)
    return TrackFiles(normal(folder.name), split, folder, stems, faults=tuple(faults))


def track_in_stem_mp4(path: Path, split: str) -> TrackFiles:
    """List the streams of a track that is a file with a stream for each stem."""
    stems = {stem: StemFile(path, stream) for stream, stem in enumerate(MUSDB_STREAMS)}
    return TrackFiles(normal(path.name.removesuffix(STEM_MP4)), split, path, stems)


def validation_songs() -> tuple[str, ...]:
    """Return the names of MUSDB18's 14 official validation songs.

    They are read from the files of the ``musdb`` package, since importing it needs FFmpeg on the PATH.

    Raises:
        InputError: The package is not installed.
    """
    spec = find_spec("musdb")
    if spec is None or spec.origin is None:
        raise InputError(
            "The names of MUSDB18's validation songs come with the package musdb, which is not installed; "
            "run `pip install musdb`, or list the songs under data.valid_songs."
        )
    path = Path(spec.origin).with_name("configs") / "mus.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    return tuple(settings["validation_tracks"])
