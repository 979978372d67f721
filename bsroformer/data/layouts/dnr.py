"""The layout of Divide and Remaster, version 2 (arXiv 2110.09958): speech, music and sound effects.

::

    <root>/{tr,cv,tt}/<number>/mix.wav speech.wav music.wav sfx.wav
"""

from pathlib import Path

from bsroformer.data.layouts.multitrack import data_set_folder, multitrack, no_tracks
from bsroformer.data.layouts.track_files import TrackFiles, audio_files

FOLDERS = {"tr": "train", "cv": "valid", "tt": "test"}
"""Splits, by their folders."""
HOLDS = "tr/, cv/ and tt/"
MIX = "mix"


def list_dnr(root: str | Path | None) -> list[TrackFiles]:
    """List the tracks of Divide and Remaster.

    Raises:
        InputError: There are none.
    """
    folder = data_set_folder(root, "dnr", HOLDS)
    tracks = []
    for name, split in FOLDERS.items():
        parent = folder / name
        folders = sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []
        tracks += [_track(path, split) for path in folders]
    if not tracks:
        raise no_tracks(folder, "dnr", HOLDS)
    return tracks


def _track(folder: Path, split: str) -> TrackFiles:
    files = {path.stem: path for path in audio_files(folder)}
    mixture = files.pop(MIX, None)
    return multitrack(folder.name, split, folder, list(files.items()), mixture)
