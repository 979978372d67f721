"""What packing a data set means: which songs are to be packed, how, and how much room that takes."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from bsroformer.audio.files import AudioInfo
from bsroformer.data.layouts import MIXTURE, TrackFiles, TrackFormat
from bsroformer.data.mixture_check import refuse_silence_in_place_of
from bsroformer.data.packs.lookup import find_pack, pack_folder
from bsroformer.data.packs.pack_track import INT16_CODECS, PackJob
from bsroformer.data.packs.packed_track import EXACT
from bsroformer.data.track import Misfit, misfits, open_sources, told_misfits
from bsroformer.errors import InputError

PRECISIONS = ("auto", "int16")
MENDABLE = ("rate", "channels", "length", "missing")


@dataclass(frozen=True)
class PackPlan:
    """What is to be packed.

    Attributes:
        songs: All songs of the data set, packed or not.
        form: What the packs hold.
        pack: The folder of the packs.
        jobs: The songs to pack.
        done: How many are packed already.
        faults: Songs that cannot be packed, a sentence each.
    """

    songs: Sequence[TrackFiles]
    form: TrackFormat
    pack: Path
    jobs: list[PackJob]
    done: int
    faults: list[str]

    @property
    def bytes(self) -> int:
        """What the new packs take."""
        return sum(job.bytes for job in self.jobs)

    @property
    def mended(self) -> dict[str, list[str]]:
        """The names of songs that are mended, by what is."""
        kinds = sorted({kind for job in self.jobs for kind in job.mended})
        return {kind: [job.song.name for job in self.jobs if kind in job.mended] for kind in kinds}


def plan_packs(
    songs: Sequence[TrackFiles], form: TrackFormat, pack: Path, mend: Collection[str] = (), precision: str = "auto"
) -> PackPlan:
    """Find out what is to be packed, by the headers of files.

    Args:
        songs: All songs of the data set.
        form: What the packs are to hold.
        pack: The folder of the packs.
        mend: What to mend: ``rate`` resamples, ``channels`` mixes down or doubles, ``length`` lets short stems end in
            silence, ``missing`` takes a missing stem for silence.
        precision: ``auto`` is int16 where that is exact, else float32; ``int16`` rounds.

    Raises:
        InputError: For a setting that is unknown.
    """
    check_mend(mend)
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision} is none of {', '.join(PRECISIONS)}")
    jobs, faults, done = [], [], 0
    for song in songs:
        found = find_pack(song, form, pack).song
        if found and found.index.precision in (EXACT, precision):
            done += 1
            continue
        try:
            jobs.append(plan_song(song, form, pack_folder(pack, song.split, song.name), mend, precision))
        except InputError as error:
            faults.append(str(error))
    return PackPlan(songs, form, pack, jobs, done, faults)


def check_mend(mend: Collection[str]) -> None:
    """Refuse to mend what nobody can.

    Raises:
        InputError: If something of the kind is named.
    """
    if unknown := [name for name in mend if name not in MENDABLE]:
        raise InputError(f"mend names {', '.join(unknown)}: choose from {', '.join(MENDABLE)}")


def plan_song(song: TrackFiles, form: TrackFormat, folder: Path, mend: Collection[str], precision: str) -> PackJob:
    """Find out how a song is packed.

    Raises:
        InputError: It cannot be.
    """
    sources = open_sources(song, form, silence="missing" in mend)
    sources.pop(MIXTURE, None)  # a mixture to train on is the sum of its stems
    found = misfits(sources, form)
    if unmended := [misfit for misfit in found if misfit.kind not in mend]:
        raise InputError(told_misfits(song, form, unmended))
    mended = {misfit.kind for misfit in found}
    missing = [stem for stem in form.stems if stem not in sources] if song.whole else []
    if missing:
        mended.add("missing")
    if missing and MIXTURE in song.stems:
        refuse_silence_in_place_of(missing, song, form)
    frames = _frames(sources, form, found)
    converted = mended & {"rate", "channels"}
    exact = not converted and all(info.codec in INT16_CODECS for info in sources.values())
    kept = EXACT if exact else precision
    return PackJob(song, sources, form, frames, exact or precision == "int16", kept, tuple(sorted(mended)), folder)


def _frames(sources: dict[str, AudioInfo], form: TrackFormat, found: Sequence[Misfit]) -> int:
    """Length of the pack: that of the longest stem where lengths are mended, else of the shortest."""
    lengths = [ceil((info.frames or 0) * form.sample_rate / info.sample_rate) for info in sources.values()]
    return max(lengths) if any(misfit.kind == "length" for misfit in found) else min(lengths)


def refuse_full_disk(plan: PackPlan) -> None:
    """Find out before the work that there is room for it.

    Raises:
        InputError: There is not.
    """
    place = next(folder for folder in (plan.pack, *plan.pack.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if plan.bytes > free:
        raise InputError(
            f"The pack takes {plan.bytes / 1e9:.1f} GB, and {place} has {free / 1e9:.1f} GB free: set data.pack to a "
            "folder on another disk, or precision=int16 to halve it if it is float32."
        )
