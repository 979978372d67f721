"""The songs of a training run: from their packs where these are, else from their files."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.packs.lookup import find_pack
from bsroformer.data.packs.manifest import packed_tracks
from bsroformer.data.packs.packed_track import PackedTrack
from bsroformer.data.packs.plan import plan_song
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import AnyTrack, Track
from bsroformer.errors import InputError

_MEASURED = 3  # songs that are read to measure what packing would save


@dataclass(frozen=True)
class TrainingTracks:
    """What a run trains and validates on.

    Attributes:
        train: Songs to train on, in the order of names.
        valid: Songs to validate on.
        packed: How many of these are read from packs.
        mended: How many of those were mended when they were packed.
        stale: Names of songs whose packs cannot be used any more, and that are read from their files.
        unpacked: Files of the songs that have no pack.
        alone: Whether the packs are all there is: the files are not here.
    """

    train: Sequence[AnyTrack]
    valid: Sequence[AnyTrack]
    packed: int
    mended: int
    stale: tuple[str, ...]
    unpacked: tuple[TrackFiles, ...]
    alone: bool = False


def training_tracks(songs: Sequence[TrackFiles], form: TrackFormat, pack: Path | None) -> TrainingTracks:
    """Open the songs of ``train`` and ``valid``.

    Raises:
        InputError: A song that has no pack is faulty.
    """
    wanted = [song for song in songs if song.split in ("train", "valid")]
    found = {(song.split, song.name): find_pack(song, form, pack) for song in wanted} if pack else {}
    packed: dict[tuple[str, str], PackedTrack] = {key: each.song for key, each in found.items() if each.song}
    unpacked = [song for song in wanted if (song.split, song.name) not in packed]
    opened = open_tracks(unpacked, form)
    by_split: dict[str, list[AnyTrack]] = {"train": [*opened.train], "valid": [*opened.valid]}
    for (split, _), song in packed.items():
        by_split[split].append(song)
    train, valid = (sorted(by_split[split], key=lambda song: song.name) for split in ("train", "valid"))
    stale = tuple(dict.fromkeys(name for (_, name), each in found.items() if each.stale))
    once = {song.folder: song for song in packed.values()}  # a few songs to overfit on validate too
    return TrainingTracks(train, valid, len(once), _mended(once.values()), stale, tuple(unpacked))


def tracks_of_pack(form: TrackFormat, pack: Path) -> TrainingTracks:
    """The songs of a pack whose files are elsewhere.

    Raises:
        InputError: It holds none to train on.
    """
    train, valid = (packed_tracks(pack, split, form) for split in ("train", "valid"))
    if not train:
        raise InputError(f"{pack} holds no packed songs to train on: prepare some, or set data.root.")
    return TrainingTracks(train, valid, len(train) + len(valid), _mended([*train, *valid]), (), (), alone=True)


def _mended(songs: Iterable[PackedTrack]) -> int:
    return sum(bool(song.index.mended) for song in songs)


@dataclass(frozen=True)
class Saving:
    """What packing the songs that have no pack would bring.

    Attributes:
        songs: How many these are.
        seconds: What an excerpt of all stems takes to read from files, the median of a few.
        bytes: What their packs would take.
    """

    songs: int
    seconds: float
    bytes: int


def saving(songs: TrainingTracks, form: TrackFormat, frames: int, pack: Path) -> Saving | None:
    """Measure what packing would bring; None where nothing is left to pack, or a song cannot be read."""
    if not songs.unpacked:
        return None
    tracks = [song for song in (*songs.train, *songs.valid) if isinstance(song, Track)]
    try:
        seconds = median(_seconds_of_excerpt(track, len(form.stems), frames) for track in tracks[:_MEASURED])
        size = sum(plan_song(song, form, pack, mend=(), precision="auto").bytes for song in songs.unpacked)
    except InputError:  # training will tell, if it comes to that place
        return None
    return Saving(len(songs.unpacked), seconds, size)


def _seconds_of_excerpt(track: Track, stems: int, frames: int) -> float:
    """How long an excerpt of so many stems takes to read, from the middle of a song; a clip has fewer."""
    begin = time.perf_counter()
    track.all_stems(max(0, (track.frames - frames) // 2), frames)
    return (time.perf_counter() - begin) * stems / len(track.stems)
