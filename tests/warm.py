"""Processes that have PyTorch from their start: forked from a warm one, which saves each of them seconds of imports.

The warm one is none of pytest's, in which other tests may have started threads of autograd: these survive no fork.
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
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import torch

from launched import REPOSITORY, blank_pictures

_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload([f"bsroformer.launch.{name}" for name in ("train", "separate", "eval")])
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


@dataclass
class Running:
    """A process at work.

    Attributes:
        process: Multiprocessing's.
        told: The file that it prints to.
    """

    process: BaseProcess
    told: Path

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for its end: exit status, and all that it printed."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode, self.told.read_text()


def forked(work: Callable[..., None], *arguments: Any) -> Running:
    """A process that does some work, with one thread."""
    handle, told = mkstemp(prefix=work.__name__)
    os.close(handle)
    process = _WARM.Process(target=_do, args=(Path(told), work, arguments))
    process.start()
    return Running(process, Path(told))


def started(script: str, *words: str, cwd: Path) -> Running:
    """A script in a folder, with the words of a command line; its pictures have nothing in them."""
    environment = {name: value for name, value in os.environ.items() if name not in (*TORCHRUN, "MUSDB_PATH")}
    return forked(_run, script, words, cwd, environment)


def in_ranks(count: int, work: Callable[..., None], *arguments: Any) -> None:
    """So many processes that do the same work as the ranks of a run, as Lightning starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [forked(_as_rank, rank, count, port, work, arguments) for rank in range(count)]
    for status, told in [rank.ended() for rank in ranks]:
        assert status == 0, told


def _do(told: Path, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    with told.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # What a shell starts in the background is told to ignore Ctrl-C, and so is all that this starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    work(*arguments)


def _run(script: str, words: tuple[str, ...], cwd: Path, environment: Mapping[str, str]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    path = str(REPOSITORY / "scripts" / f"{script}.py")
    sys.argv = [path, *words]
    with blank_pictures():
        runpy.run_path(path, run_name="__main__")


def _as_rank(rank: int, count: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": 0, "LOCAL_RANK": rank, "WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in meeting.items()})
    work(*copy.deepcopy(arguments))  # since tensors among them are in memory that the ranks share
