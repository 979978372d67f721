"""Pack the songs of a data set, several at a time; what is packed already stays."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bsroformer.atomic import writing
from bsroformer.data.packs.manifest import write_manifest
from bsroformer.data.packs.pack_track import Outcome, pack_track
from bsroformer.data.packs.packed_track import mapped
from bsroformer.data.packs.plan import PackPlan
from bsroformer.errors import InputError
from bsroformer.parallel import mapping

LOCK = ".preparing"


def pack_tracks(plan: PackPlan, workers: int) -> Iterator[Outcome]:
    """Pack the songs of a plan, and tell how each went, in their order; then note all that are packed.

    A song is in its place only when it is whole: after an interruption, the next plan holds those that are missing.

    Raises:
        InputError: The folder cannot be written, another process packs into it, or a worker was killed.
    """
    with _alone(plan.pack):
        for leftover in plan.pack.glob("*/.*.part"):  # of a run that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            with mapping(min(workers, len(plan.jobs))) as run:
                yield from run(pack_track, plan.jobs)
        finally:
            mapped.cache_clear()  # of packs that are replaced
        write_manifest(plan.songs, plan.form, plan.pack)


@contextmanager
def _alone(pack: Path) -> Iterator[None]:
    """Make the folder of the packs, and keep other processes from packing into it."""
    with writing(pack):
        pack.mkdir(parents=True, exist_ok=True)
        lock = FileLock(pack / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(f"Another process packs songs into {pack}: wait for it, or set data.pack.") from error
    try:
        yield
    finally:
        lock.release()
