"""Processes forked from a server that has PyTorch loaded, to save import time.

The server is separate from pytest, whose autograd threads would not survive a fork.
Functions registered with `atexit` are not called in them.
"""

import copy
import multiprocessing
import os
import runpy
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import torch

from support.launched import REPOSITORY, blank_pictures

_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload([f"bsroformer.cli.commands.{name}.command" for name in ("train", "separate", "evaluate")])
NOT_INHERITED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MUSDB_PATH")
PATIENCE = 300.0
"""Timeout of a process in seconds, long enough for slow machines."""


@dataclass
class Running:
    """A running process.

    Attributes:
        process: Multiprocessing's.
        log: The file that it prints to.
    """

    process: BaseProcess
    log: Path

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.process.is_alive():
            assert self.process.pid is not None
            os.kill(self.process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return exit status and output."""
        self.process.join(PATIENCE)
        hangs = self.process.is_alive()
        self.process.kill()
        self.process.join()
        printed = self.log.read_text()
        self.log.unlink()
        assert not hangs, printed
        assert self.process.exitcode is not None
        return self.process.exitcode, printed


def environment() -> dict[str, str]:
    """Environment of a script: that of this process without the variables of ranks."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def forked(work: Callable[..., None], *arguments: Any) -> Running:
    """Start a process with one thread that calls `work`."""
    handle, log = mkstemp(prefix=work.__name__)
    os.close(handle)
    process = _WARM.Process(target=_do, args=(Path(log), environment(), work, arguments))
    process.start()
    return Running(process, Path(log))


def started(script: str, *words: str, cwd: Path, variables: Mapping[str, str] | None = None) -> Running:
    """Start a script in a folder with these arguments, environment variables and blank figures."""
    return forked(_run, script, words, cwd, dict(variables or {}))


def started_ranks(count: int, script: str, *words: str, cwd: Path) -> list[Running]:
    """Start a script in processes with the variables that torchrun gives to those of one machine."""
    size = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    common = size | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    each = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return [started(script, *words, cwd=cwd, variables=common | own) for own in each]


def free_port() -> int:
    """Find a port that no other program uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def in_ranks(count: int, work: Callable[..., None], *arguments: Any) -> None:
    """Run `work` in `count` processes, as Lightning starts the ranks of a run."""
    port = free_port()
    ranks = [forked(_as_rank, rank, count, port, work, arguments) for rank in range(count)]
    processes = [rank.process for rank in ranks]
    while not any(each.exitcode for each in processes) and any(each.exitcode is None for each in processes):
        if not wait([each.sentinel for each in processes if each.exitcode is None], PATIENCE):
            break
    for process in processes:  # if one has failed, the others wait for it
        process.kill()
    ended = [rank.ended() for rank in ranks]
    assert [status for status, _ in ended] == [0] * count, "\n\n".join(printed for _, printed in ended)


def _do(log: Path, own: Mapping[str, str], work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(own)
    with log.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # A shell starts background processes with Ctrl-C ignored, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    work(*arguments)


def _run(script: str, words: tuple[str, ...], cwd: Path, variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
    os.chdir(cwd)
    path = str(REPOSITORY / "scripts" / f"{script}.py")
    sys.argv = [path, *words]
    with blank_pictures():
        runpy.run_path(path, run_name="__main__")


def _as_rank(rank: int, count: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": 0, "LOCAL_RANK": rank, "WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in meeting.items()})
    work(*copy.deepcopy(arguments))  # since tensors among them are in memory that the ranks share
