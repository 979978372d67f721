"""The songs of a training run: from their packs where these are, else from their files."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.data.layouts import SongFiles, SongFormat
from bsroformer.data.packs.find import find_pack, packed_songs
from bsroformer.data.packs.plan import plan_packs
from bsroformer.data.song import Song
from bsroformer.data.tracks import open_tracks
from bsroformer.errors import InputError


@dataclass(frozen=True)
class TrainingSongs:
    """What a run trains and validates on.

    Attributes:
        train: Songs to train on, in the order of names.
        valid: Songs to validate on.
        packed: How many of these are read from packs.
        stale: Names of songs whose packs cannot be used any more, and that are read from their files.
        unpacked: Files of the songs that have no pack.
    """

    train: Sequence[Song]
    valid: Sequence[Song]
    packed: int
    stale: tuple[str, ...]
    unpacked: tuple[SongFiles, ...]


def training_songs(songs: Sequence[SongFiles], form: SongFormat, pack: Path | None) -> TrainingSongs:
    """Open the songs of ``train`` and ``valid``.

    Raises:
        InputError: A song that has no pack is faulty.
    """
    wanted = [song for song in songs if song.split in ("train", "valid")]
    found = {(song.split, song.name): find_pack(song, form, pack) for song in wanted} if pack else {}
    packed: dict[tuple[str, str], Song] = {key: each.song for key, each in found.items() if each.song}
    unpacked = [song for song in wanted if (song.split, song.name) not in packed]
    opened = open_tracks(unpacked, form)
    by_split: dict[str, list[Song]] = {"train": [*opened.train], "valid": [*opened.valid]}
    for (split, _), song in packed.items():
        by_split[split].append(song)
    train, valid = (sorted(by_split[split], key=lambda song: song.name) for split in ("train", "valid"))
    stale = tuple(name for (_, name), each in found.items() if each.stale)
    return TrainingSongs(train, valid, len(packed), stale, tuple(unpacked))


def songs_of_pack_alone(form: SongFormat, pack: Path) -> TrainingSongs:
    """The songs of a pack whose files are elsewhere.

    Raises:
        InputError: It holds none to train on.
    """
    train, valid = (packed_songs(pack, split, form) for split in ("train", "valid"))
    if not train:
        raise InputError(
            f"{pack} holds no packed songs to train on: prepare one with scripts/prepare.py, or set data.root."
        )
    return TrainingSongs(train, valid, len(train) + len(valid), (), ())


@dataclass(frozen=True)
class Saving:
    """What packing the songs that have no pack would bring.

    Attributes:
        songs: How many these are.
        seconds: What an excerpt of all their stems takes to read from files, measured on one of them.
        bytes: What their packs would take.
    """

    songs: int
    seconds: float
    bytes: int


def saving(songs: TrainingSongs, form: SongFormat, frames: int, pack: Path) -> Saving | None:
    """Measure what packing would bring; None where nothing is left to pack."""
    if not songs.unpacked:
        return None
    names = {song.name for song in songs.unpacked}
    song = next(song for song in (*songs.train, *songs.valid) if song.name in names)
    begin = time.perf_counter()
    song.all_stems(max(0, song.frames // 2 - frames // 2), frames)
    seconds = time.perf_counter() - begin
    return Saving(len(songs.unpacked), seconds, plan_packs(songs.unpacked, form, pack).bytes)
