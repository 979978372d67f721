"""Plan the packing of a data set and its disk space, and pack several tracks at a time."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from filelock import FileLock, Timeout

from bsroformer.atomic import writing
from bsroformer.audio.files import AudioInfo
from bsroformer.data.layouts import MIXTURE, TrackFiles, TrackFormat
from bsroformer.data.mixture_check import refuse_silence_in_place_of
from bsroformer.data.packs.lookup import find_pack, pack_folder
from bsroformer.data.packs.manifest import write_manifest
from bsroformer.data.packs.pack_track import INT16_CODECS, PackJob, PackResult, pack_track
from bsroformer.data.packs.packed_track import EXACT, mapped
from bsroformer.data.track_check import FormatMismatch, describe_mismatches, expected, find_mismatches, open_sources
from bsroformer.errors import InputError
from bsroformer.parallel import mapping

PRECISIONS = ("auto", "int16")
REPAIRS = ("rate", "channels", "length", "missing")
"""Repairs that ``mend`` may name."""
LOCK = ".preparing"


@dataclass(frozen=True)
class PackPlan:
    """A plan of what to pack.

    Attributes:
        songs: Files of all tracks of the data set, packed or not.
        form: Format of the packs.
        pack: The folder of the packs.
        jobs: The tracks to pack.
        done: Number of tracks that are packed already.
        faults: Faults of tracks that cannot be packed, a sentence each.
    """

    songs: Sequence[TrackFiles]
    form: TrackFormat
    pack: Path
    jobs: list[PackJob]
    done: int
    faults: list[str]

    @property
    def bytes(self) -> int:
        """Size of the new packs."""
        return sum(job.bytes for job in self.jobs)

    @property
    def repairs(self) -> dict[str, list[str]]:
        """Names of the tracks that are repaired, by the kind of repair."""
        kinds = sorted({kind for job in self.jobs for kind in job.repairs})
        return {kind: self._names_of(kind) for kind in kinds}

    def _names_of(self, repair: str) -> list[str]:
        return [job.song.name for job in self.jobs if repair in job.repairs]


def plan_packs(
    songs: Sequence[TrackFiles], form: TrackFormat, pack: Path, mend: Collection[str] = (), precision: str = "auto"
) -> PackPlan:
    """Plan what to pack, by the headers of files.

    Args:
        songs: Files of all tracks of the data set.
        form: Format of the packs.
        pack: The folder of the packs.
        mend: Repairs to make: ``rate`` resamples, ``channels`` mixes down or doubles, ``length`` pads short stems with
            silence, ``missing`` replaces a missing stem by silence.
        precision: ``auto`` is int16 where that is exact, otherwise float32; ``int16`` rounds.

    Raises:
        InputError: For an unknown setting.
    """
    check_mend(mend)
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision} must be one of {', '.join(PRECISIONS)}")
    jobs: list[PackJob] = []
    faults: list[str] = []
    done = 0
    for song in songs:
        packed = find_pack(song, form, pack).track
        if packed is not None and packed.index.precision in (EXACT, precision):
            done += 1
            continue
        try:
            job = plan_track(song, form, pack_folder(pack, song.split, song.name), mend, precision)
            _check_silence(job)
            jobs.append(job)
        except InputError as error:
            faults.append(str(error))
    return PackPlan(songs, form, pack, jobs, done, faults)


def _check_silence(job: PackJob) -> None:
    """Check that stems that would be packed as silence are not in the mixture.

    Raises:
        InputError: If they are.
    """
    missing = [stem for stem in job.stems if stem not in job.sources]
    if missing and MIXTURE in job.song.stems:
        refuse_silence_in_place_of(missing, job.song, job.form)


def check_mend(mend: Collection[str]) -> None:
    """Refuse unknown repairs.

    Raises:
        InputError: If one is named.
    """
    unknown = [name for name in mend if name not in REPAIRS]
    if unknown:
        raise InputError(f"mend names {', '.join(unknown)}; choose from {', '.join(REPAIRS)}")


def plan_track(song: TrackFiles, form: TrackFormat, folder: Path, mend: Collection[str], precision: str) -> PackJob:
    """Plan how to pack a track.

    Raises:
        InputError: It cannot be packed.
    """
    sources = open_sources(song, form, silence="missing" in mend)
    sources.pop(MIXTURE, None)  # a training mixture is the sum of its stems
    mismatches = find_mismatches(sources, form)
    unrepaired = [mismatch for mismatch in mismatches if mismatch.kind not in mend and not expected(mismatch, song)]
    if unrepaired:
        raise InputError(describe_mismatches(song, form, unrepaired))
    repairs = {mismatch.kind for mismatch in mismatches}
    missing = [stem for stem in song.pack_stems(form.stems) if stem not in sources]
    if missing:
        repairs.add("missing")
    converted = repairs & {"rate", "channels"}
    exact = not converted and all(info.codec in INT16_CODECS for info in sources.values())
    return PackJob(
        song,
        sources,
        form,
        frames=_frames(sources, form, mismatches),
        int16=exact or precision == "int16",
        precision=EXACT if exact else precision,
        repairs=tuple(sorted(repairs)),
        folder=folder,
    )


def _frames(sources: dict[str, AudioInfo], form: TrackFormat, mismatches: Sequence[FormatMismatch]) -> int:
    """Compute the length of the pack.

    It is that of the longest stem if lengths are repaired, otherwise of the shortest.
    """
    lengths = []
    for info in sources.values():
        frames = (info.frames or 0) * form.sample_rate / info.sample_rate
        lengths.append(ceil(frames))
    padded = any(mismatch.kind == "length" for mismatch in mismatches)
    return max(lengths) if padded else min(lengths)


def refuse_full_disk(plan: PackPlan) -> None:
    """Check before the work that its disk has enough free space.

    Raises:
        InputError: It has not.
    """
    folder = next(folder for folder in (plan.pack, *plan.pack.absolute().parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    if plan.bytes > free:
        raise InputError(
            f"The pack takes {plan.bytes / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free; set data.pack to a "
            "folder on another disk, or precision=int16 to halve it if it is float32."
        )


def pack_tracks(plan: PackPlan, workers: int) -> Iterator[PackResult]:
    """Pack the tracks of a plan, and yield their results in order.

    A track's folder appears only when it is complete: after an interruption, the next plan has those that are missing.

    Raises:
        InputError: The folder cannot be written, another process packs into it, or a worker was killed.
    """
    with _locked(plan.pack):
        for leftover in plan.pack.glob("*/.*.part"):  # of a process that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            with mapping(min(workers, len(plan.jobs))) as run:
                yield from run(pack_track, plan.jobs)
        finally:
            mapped.cache_clear()  # packs may have been replaced
        write_manifest(plan.songs, plan.form, plan.pack)


@contextmanager
def _locked(pack: Path) -> Iterator[None]:
    """Create the folder of the packs, and keep other processes from packing into it."""
    with writing(pack):
        pack.mkdir(parents=True, exist_ok=True)
        lock = FileLock(pack / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(f"Another process packs songs into {pack}; wait for it, or set data.pack.") from error
    try:
        yield
    finally:
        lock.release()
