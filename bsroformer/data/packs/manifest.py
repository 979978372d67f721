"""Which songs a pack holds for which split, so that a training can do without their files."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from bsroformer.atomic import write_text
from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.packs.lookup import find_pack
from bsroformer.data.packs.packed_track import FORMAT, PackedTrack, open_pack, read_index
from bsroformer.errors import InputError
from bsroformer.safe_files import read_json

MANIFEST = "pack.json"


def write_manifest(songs: Sequence[TrackFiles], form: TrackFormat, pack: Path) -> None:
    """Note the songs that are packed, and their splits.

    Raises:
        InputError: It cannot be written.
    """
    found = [(song, find_pack(song, form, pack).song) for song in songs]
    listed = [
        {"split": song.split, "folder": packed.folder.relative_to(pack).as_posix()} for song, packed in found if packed
    ]
    write_text(pack / MANIFEST, json.dumps({"format": FORMAT, "songs": listed}, indent=1) + "\n")


def packed_tracks(pack: Path, split: str, form: TrackFormat) -> list[PackedTrack]:
    """The songs that are packed for a split, in the order of names, without their files.

    Raises:
        InputError: There is no manifest, or a pack is damaged or does not hold what is wanted.
    """
    try:
        manifest = _Manifest.model_validate(read_json(pack / MANIFEST))
    except (InputError, ValueError) as error:
        raise InputError(f"{pack} holds no packed songs: run scripts/prepare.py, or set data.root.") from error
    folders = [_inside(pack, song.folder) for song in manifest.songs if song.split == split]
    songs = [_opened(folder, form) for folder in folders]
    for song in songs if split == "valid" else ():
        if missing := [stem for stem in form.stems if stem not in song.stems]:
            raise InputError(f"{song.folder} lacks {', '.join(missing)}, so it cannot validate: prepare again.")
    return sorted(songs, key=lambda song: song.name)


class _PackedPlace(BaseModel):
    split: str
    folder: str


class _Manifest(BaseModel):
    songs: list[_PackedPlace]


def _inside(pack: Path, folder: str) -> Path:
    """The folder of a packed song.

    Raises:
        InputError: If it is not in the pack's folder.
    """
    path = pack / folder
    if not path.resolve().is_relative_to(pack.resolve()):
        raise InputError(f"{pack / MANIFEST} names {folder}, which is outside of {pack}: prepare again.")
    return path


def _opened(folder: Path, form: TrackFormat) -> PackedTrack:
    index = read_index(folder)
    if index is None or (index.sample_rate, index.channels) != (form.sample_rate, form.channels):
        raise InputError(f"{folder} is not there, or packed for other audio or by another version: prepare again.")
    wanted = [stem for stem in form.stems if stem in index.stems]
    if not wanted:
        raise InputError(f"{folder} has none of {', '.join(form.stems)}: prepare again, or change data.stems.")
    return open_pack(folder, index, wanted)
