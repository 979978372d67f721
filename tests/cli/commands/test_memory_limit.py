"""Trainings under a memory limit of the operating system."""

import re
import sys
from pathlib import Path

import pytest

from bsroformer.hardware import GIB, read_proc_bytes
from support.launched import SMALL_RUN, launch
from support.warm import forked

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

ROOM = 5 * GIB // 4
"""Beyond PyTorch and this program; half a GiB of it is the estimate's allowance."""
# One step of 32 excerpts, whose activations alone are more.
BIG = ("data.seconds=0.9", "data.batch_size=32", "data.epoch_size=32", "trainer.max_steps=1", "callbacks=none")


def train_within(room: int, *overrides: str) -> None:
    """Train with so many bytes more than are taken at first."""
    import resource

    limit = int(read_proc_bytes(Path("/proc/self/status"), "VmData")) + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    launch("train", *SMALL_RUN, *BIG, *overrides)


def trained(songs_root: Path, folder: Path, *overrides: str) -> tuple[int, str]:
    """The exit status of a training within `ROOM`, and what it prints."""
    where = f"data.root={songs_root}", f"paths.output_dir={folder}"
    status, printed = forked(train_within, ROOM, *where, *overrides).ended()
    return status, " ".join(printed.split())


def test_the_keys_of_an_out_of_memory_error_fit_the_limit(songs_root, tmp_path):
    status, printed = trained(songs_root, tmp_path / "big")
    assert status == 2, printed
    advice = re.search(r"the memory is full; set (.*?) \(estimated ([\d.]+) of ([\d.]+) GiB\)", printed)
    assert advice, printed
    keys, estimate, there = advice.groups()
    assert float(estimate) < float(there) < ROOM / GIB
    status, printed = trained(songs_root, tmp_path / "advised", *keys.split())
    assert status == 0, printed
    assert "error" not in printed
