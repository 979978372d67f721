"""The list of packed tracks by split, for a training without their files."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import BaseModel, Field

from bsroformer.atomic import write_text
from bsroformer.data.layouts import UNKNOWN, TrackFiles, TrackFormat
from bsroformer.data.packs.lookup import find_pack
from bsroformer.data.packs.packed_track import FORMAT, PackedTrack, open_pack, read_index
from bsroformer.data.song_terms import SongTerms
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.safe_files import read_json

MANIFEST = "pack.json"


class _ManifestEntry(BaseModel):
    split: str
    folder: str
    license: str | None = None
    source: str | None = None
    data_set: str = ""
    weight: float = Field(1.0, gt=0)


class _Manifest(BaseModel):
    songs: list[_ManifestEntry]


def write_manifest(files: Sequence[TrackFiles], form: TrackFormat, pack: Path) -> None:
    """List the tracks that are packed, and their splits.

    Raises:
        InputError: The list cannot be written.
    """
    entries = []
    for song in files:
        track = find_pack(song, form, pack).track
        if track is not None:
            folder = track.folder.relative_to(pack).as_posix()
            stated = {key: value for key, value in asdict(song.terms).items() if value}
            weight = {} if song.weight == 1 else {"weight": song.weight}
            entries.append({"split": song.split, "folder": folder, **stated, **weight})
    write_text(pack / MANIFEST, json.dumps({"format": FORMAT, "songs": entries}, indent=1) + "\n")


def packed_tracks(pack: Path, split: str, form: TrackFormat) -> list[PackedTrack]:
    """Open the packed tracks of a split, in the order of names, without their files.

    Raises:
        InputError: There is no manifest, or a pack is damaged or lacks a requested stem.
    """
    manifest = _read_manifest(pack)
    entries = [entry for entry in manifest.songs if entry.split == split]
    tracks = [replace(_opened(_inside(pack, entry.folder), form), weight=entry.weight) for entry in entries]
    if split == "valid":
        for track in tracks:
            _refuse_missing_stems(track, form)
    return sorted(tracks, key=lambda track: track.name)


def packed_terms(pack: Path) -> dict[Path, SongTerms]:
    """Return the licence and source of each packed track, by its folder.

    Raises:
        InputError: There is no manifest, or it is damaged.
    """
    entries = _read_manifest(pack).songs
    return {pack / entry.folder: SongTerms(entry.license, entry.source, entry.data_set) for entry in entries}


def _read_manifest(pack: Path) -> _Manifest:
    try:
        return _Manifest.model_validate(read_json(pack / MANIFEST))
    except (InputError, ValueError) as error:
        raise InputError(f"{pack} holds no packed songs; run `{command_line('prepare')}`, or set data.root") from error


def _refuse_missing_stems(track: PackedTrack, form: TrackFormat) -> None:
    missing = [stem for stem in form.stems if stem not in track.stems]
    if missing and UNKNOWN not in track.stems:
        raise InputError(f"{track.folder} lacks {', '.join(missing)}, so it cannot validate; prepare again.")


def _inside(pack: Path, folder: str) -> Path:
    """Resolve the folder of a packed track.

    Raises:
        InputError: If it is not in the pack's folder.
    """
    path = pack / folder
    if not path.resolve().is_relative_to(pack.resolve()):
        raise InputError(f"{pack / MANIFEST} names {folder}, which is outside of {pack}; prepare again.")
    return path


def _opened(folder: Path, form: TrackFormat) -> PackedTrack:
    index = read_index(folder)
    if index is None or (index.sample_rate, index.channels) != (form.sample_rate, form.channels):
        raise InputError(f"{folder} is missing, or packed for other audio or by another version; prepare again.")
    wanted = [stem for stem in form.stems if stem in index.stems]
    if not wanted:
        raise InputError(f"{folder} lacks {', '.join(form.stems)}; prepare again, or change data.stems.")
    if len(wanted) < len(form.stems) and UNKNOWN in index.stems:
        wanted.append(UNKNOWN)
    return open_pack(folder, index, wanted)
