"""Tracks whose stems are named by instruments, several of which may have one name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bsroformer.data.layouts.track_files import MIXTURE, StemFile, TrackFiles, describe_entries
from bsroformer.errors import InputError
from bsroformer.file_names import normal
from bsroformer.safe_files import read_json, read_yaml


def multitrack(
    name: str,
    split: str,
    folder: Path,
    files: Sequence[tuple[str, Path]],
    mixture: Path | None = None,
    uneven: bool = False,
) -> TrackFiles:
    """List the files of a track, in which those of one instrument are a sum.

    Args:
        name: The track's name.
        split: ``train``, ``valid`` or ``test``.
        folder: Its folder.
        files: The instrument and the path of each file.
        mixture: The mixture's file; None if there is none. It is ignored if it does not exist.
        uneven: Whether files may end before others.
    """
    stems: dict[str, StemFile] = {}
    for instrument, path in files:
        first = stems.get(instrument)
        if first is None:
            stems[instrument] = StemFile(path)
            continue
        further = f"{instrument} {len(first.plus) + 2}"
        stems[further] = StemFile(path)
        stems[instrument] = replace(first, plus=(*first.plus, further))
    if mixture is not None and mixture.is_file():
        stems[MIXTURE] = StemFile(mixture)
    return TrackFiles(normal(name), split, folder, stems, uneven=uneven)


def read_metadata(path: Path) -> dict[str, Any]:
    """Read the description of a track, JSON or YAML.

    Raises:
        InputError: It cannot be read, or is no mapping.
    """
    try:
        tree = read_json(path) if path.suffix == ".json" else read_yaml(path)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({error}); restore it") from error
    if not isinstance(tree, dict):
        raise InputError(f"{path} must describe a track; restore it")
    return tree


def damaged(path: Path, error: Exception) -> InputError:
    """Describe metadata that lack an entry."""
    return InputError(f"{path} lacks an entry or has a wrong one ({error}); restore it")


def data_set_folder(root: str | Path | None, config: str, holds: str) -> Path:
    """Return the folder of a data set.

    Raises:
        InputError: If none is given, or it does not exist.
    """
    if root is None:
        raise InputError(f"data={config} needs data.root, the folder that holds {holds}")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; set data.root to the one that holds {holds}")
    return folder


def no_tracks(folder: Path, config: str, holds: str) -> InputError:
    """Describe a folder without tracks."""
    return InputError(
        f"data={config} expects {holds} in {folder}, which holds {describe_entries(folder)}; correct data.root"
    )
