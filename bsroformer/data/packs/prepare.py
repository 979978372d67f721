"""Pack the songs of a data set, several at a time; what is packed already stays."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from bsroformer.data.packs.pack_song import Outcome, pack_song
from bsroformer.data.packs.packed_song import mapped
from bsroformer.data.packs.plan import PackPlan
from bsroformer.parallel import mapping


def pack_songs(plan: PackPlan, pack: Path, workers: int) -> Iterator[Outcome]:
    """Pack the songs of a plan, and tell how each went, in their order.

    A song is in its place only when it is whole: after an interruption, the next plan holds those that are missing.

    Raises:
        InputError: A worker was killed.
    """
    for leftover in pack.glob("*/.*.part"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        with mapping(min(workers, len(plan.jobs))) as run:
            yield from run(pack_song, plan.jobs)
    finally:
        mapped.cache_clear()  # of packs that are replaced
