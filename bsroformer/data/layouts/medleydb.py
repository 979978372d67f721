"""The layout of MedleyDB, versions 1 and 2 (https://medleydb.weebly.com).

::

    <root>/Audio/<track>/<track>_MIX.wav
                         <track>_STEMS/<track>_STEM_01.wav ...
                         <track>_METADATA.yaml                 or in <root>/Metadata/

The names of stems are the instruments of the metadata: male singer, drum set, electric bass, ... There is no official
split: tracks are assigned to splits by their names.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bsroformer.data.layouts.flat import divide
from bsroformer.data.layouts.multitrack import damaged, data_set_folder, multitrack, no_tracks, read_metadata
from bsroformer.data.layouts.track_files import TrackFiles
from bsroformer.errors import InputError

HOLDS = "Audio/<track>/<track>_STEMS/"


def list_medleydb(root: str | Path | None) -> list[TrackFiles]:
    """List the tracks of MedleyDB.

    Raises:
        InputError: There are none, or metadata are missing or damaged.
    """
    folder = data_set_folder(root, "medleydb", HOLDS)
    audio = folder / "Audio" if (folder / "Audio").is_dir() else folder
    folders = sorted(path for path in audio.iterdir() if (path / f"{path.name}_STEMS").is_dir())
    if not folders:
        raise no_tracks(audio, "medleydb", HOLDS)
    return divide([_track(track, folder) for track in folders])


def _track(folder: Path, root: Path) -> TrackFiles:
    name = folder.name
    description = _description(folder, root)
    metadata = read_metadata(description)
    try:
        files = list(_files(metadata, folder / f"{name}_STEMS"))
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(description, error) from error
    return multitrack(name, "train", folder, files, folder / f"{name}_MIX.wav")


def _description(folder: Path, root: Path) -> Path:
    """Find the metadata of a track, beside its audio or in a folder of all.

    Raises:
        InputError: There are none.
    """
    file = f"{folder.name}_METADATA.yaml"
    for parent in (folder, root / "Metadata", root.parent / "Metadata"):
        if (parent / file).is_file():
            return parent / file
    raise InputError(
        f"{folder} has no {file}, nor has {root / 'Metadata'}; put medleydb/data/Metadata of "
        "https://github.com/marl/medleydb there"
    )


def _files(metadata: dict[str, Any], stems: Path) -> Iterator[tuple[str, Path]]:
    """Yield the instrument and the path of each stem."""
    for stem in metadata["stems"].values():
        instrument = stem["instrument"]
        names = instrument if isinstance(instrument, list) else [instrument]  # version 2 has lists
        yield str(names[0]), stems / stem["filename"]
