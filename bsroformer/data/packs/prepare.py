"""Pack the unpacked tracks of a data set, several at a time."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bsroformer.atomic import writing
from bsroformer.data.packs.manifest import write_manifest
from bsroformer.data.packs.pack_track import PackResult, pack_track
from bsroformer.data.packs.packed_track import mapped
from bsroformer.data.packs.plan import PackPlan
from bsroformer.errors import InputError
from bsroformer.parallel import mapping

LOCK = ".preparing"


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
