"""The layout of Slakh2100 (arXiv 1909.08494), as published, or its tracks without the folders of splits.

::

    <root>/{train,validation,test}/Track00001/metadata.yaml
                                              mix.flac
                                              stems/S00.flac ...

The names of stems are the classes of the metadata in lower case: drums, bass, guitar, piano, strings, ... Tracks
without folders of splits have those of the publication: 1 to 1500, to 1875, and to 2100.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bsroformer.data.layouts.multitrack import damaged, data_set_folder, multitrack, no_tracks, read_metadata
from bsroformer.data.layouts.track_files import TrackFiles

FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
"""Splits, by their folders; tracks in ``omitted`` are duplicates of others."""
LAST_TRAIN, LAST_VALID = 1500, 1875
NUMBER = re.compile(r"Track(\d+)$")
HOLDS = "train/, validation/ and test/ with folders Track00001/"
SUFFIXES = (".flac", ".wav")


def list_slakh2100(root: str | Path | None) -> list[TrackFiles]:
    """List the tracks of Slakh2100.

    Raises:
        InputError: There are none, or metadata are damaged.
    """
    folder = data_set_folder(root, "slakh2100", HOLDS)
    tracks = []
    for name, split in FOLDERS.items():
        tracks += [_track(path, split) for path in _folders(folder / name)]
    if not tracks:
        tracks = [_track(path, _published_split(path)) for path in _folders(folder)]
    if not tracks:
        raise no_tracks(folder, "slakh2100", HOLDS)
    return tracks


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("Track*") if NUMBER.match(path.name) and path.is_dir())


def _published_split(track: Path) -> str:
    number = int(track.name.removeprefix("Track"))
    if number <= LAST_TRAIN:
        return "train"
    return "valid" if number <= LAST_VALID else "test"


def _track(folder: Path, split: str) -> TrackFiles:
    description = folder / "metadata.yaml"
    metadata = read_metadata(description)
    try:
        files = list(_files(metadata, folder))
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(description, error) from error
    return multitrack(folder.name, split, folder, files, _existing(folder / "mix"))


def _files(metadata: dict[str, Any], folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the class and the path of each stem that was rendered."""
    for name, stem in metadata["stems"].items():
        if stem.get("audio_rendered", True):
            instrument = "drums" if stem["is_drum"] else str(stem["inst_class"]).lower()
            yield instrument, _existing(folder / "stems" / name)


def _existing(path: Path) -> Path:
    """Return the file of a name: FLAC as published, or converted to WAV."""
    candidates = [path.with_suffix(suffix) for suffix in SUFFIXES]
    return next((file for file in candidates if file.is_file()), candidates[0])
