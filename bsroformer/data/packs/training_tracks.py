"""The tracks of a training, from packs or from files."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.packs.lookup import find_pack
from bsroformer.data.packs.manifest import packed_tracks
from bsroformer.data.packs.packed_track import PackedTrack
from bsroformer.data.packs.plan import plan_track
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import AnyTrack, Track
from bsroformer.errors import InputError

MEASURED_TRACKS = 3
"""Tracks that are read to measure what packing would save."""


@dataclass(frozen=True)
class TrainingTracks:
    """Tracks to train and validate on.

    Attributes:
        train: Tracks to train on, in the order of names.
        valid: Tracks to validate on.
        packed: Number of these that are read from packs.
        repaired: Number of those whose stems were repaired when they were packed.
        stale: Names of tracks whose packs are not usable any more, and that are read from their files.
        unpacked: Files of the tracks without a pack.
        alone: True if only the packs exist, without the files.
    """

    train: Sequence[AnyTrack]
    valid: Sequence[AnyTrack]
    packed: int
    repaired: int
    stale: tuple[str, ...]
    unpacked: tuple[TrackFiles, ...]
    alone: bool = False


def training_tracks(files: Sequence[TrackFiles], form: TrackFormat, pack: Path | None) -> TrainingTracks:
    """Open the tracks of ``train`` and ``valid``.

    Raises:
        InputError: A track without a pack is faulty.
    """
    by_split: dict[str, list[AnyTrack]] = {"train": [], "valid": []}
    packed: dict[Path, PackedTrack] = {}  # by folder: a few tracks to overfit on are for validation too
    stale: dict[str, None] = {}
    unpacked = []
    for song in files:
        if song.split not in by_split:
            continue
        found = None if pack is None else find_pack(song, form, pack)
        if found is not None and found.stale:
            stale[song.name] = None
        if found is not None and found.track is not None:
            packed[found.track.folder] = found.track
            by_split[song.split].append(found.track)
        else:
            unpacked.append(song)
    opened = open_tracks(unpacked, form)
    train = sorted([*by_split["train"], *opened.train], key=lambda track: track.name)
    valid = sorted([*by_split["valid"], *opened.valid], key=lambda track: track.name)
    repaired = _count_repaired(list(packed.values()))
    return TrainingTracks(train, valid, len(packed), repaired, tuple(stale), tuple(unpacked))


def tracks_of_pack(form: TrackFormat, pack: Path) -> TrainingTracks:
    """Open the tracks of a pack without their files.

    Raises:
        InputError: It has no tracks to train on.
    """
    train = packed_tracks(pack, "train", form)
    valid = packed_tracks(pack, "valid", form)
    if not train:
        raise InputError(f"{pack} holds no packed songs to train on; prepare some, or set data.root.")
    tracks = [*train, *valid]
    return TrainingTracks(train, valid, len(tracks), _count_repaired(tracks), stale=(), unpacked=(), alone=True)


def _count_repaired(tracks: Sequence[PackedTrack]) -> int:
    return len([track for track in tracks if track.index.mended])


@dataclass(frozen=True)
class PackingEstimate:
    """Gain and cost of packing the tracks without a pack.

    Attributes:
        tracks: Number of these tracks.
        seconds: Time to read an excerpt of all stems from files, the median of a few.
        bytes: Size of their packs.
    """

    tracks: int
    seconds: float
    bytes: int


def estimate_packing(tracks: TrainingTracks, form: TrackFormat, frames: int, pack: Path) -> PackingEstimate | None:
    """Measure what packing would save.

    The result is None if all tracks are packed, or one cannot be read.
    """
    if not tracks.unpacked:
        return None
    of_files = [track for track in (*tracks.train, *tracks.valid) if isinstance(track, Track)]
    try:
        seconds = [_reading_seconds(track, len(form.stems), frames) for track in of_files[:MEASURED_TRACKS]]
        jobs = [plan_track(song, form, pack, mend=(), precision="auto") for song in tracks.unpacked]
    except InputError:  # training reports it when it reads that excerpt
        return None
    return PackingEstimate(len(tracks.unpacked), median(seconds), sum(job.bytes for job in jobs))


def _reading_seconds(track: Track, stems: int, frames: int) -> float:
    """Measure the time to read an excerpt from the middle of a track.

    It is scaled to the number of stems, of which a clip has fewer.
    """
    start = max(0, (track.frames - frames) // 2)
    begin = time.perf_counter()
    track.all_stems(start, frames)
    seconds = time.perf_counter() - begin
    return seconds * stems / len(track.stems)
