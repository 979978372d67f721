"""Processes that have PyTorch from their start: forked from a warm one, which saves each of them seconds of imports.

The warm one is none of pytest's, in which other tests may have started threads of autograd: these survive no fork.
"""

import multiprocessing
import os
import runpy
import signal
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


def forked(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that does some work, with one thread."""
    process = _WARM.Process(target=_do, args=(work, *arguments))
    process.start()
    return process


def _do(work: Callable[..., None], *arguments: Any) -> None:
    torch.set_num_threads(1)
    work(*arguments)


@dataclass
class Running:
    """A script at work.

    Attributes:
        process: Its own.
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


def started(script: str, *words: str, cwd: Path) -> Running:
    """Start a script in a folder, with the words of a command line; its pictures have nothing in them."""
    handle, name = mkstemp(prefix=script)
    os.close(handle)
    told = Path(name)
    environment = {name: value for name, value in os.environ.items() if name not in (*TORCHRUN, "MUSDB_PATH")}
    return Running(forked(_run, script, words, cwd, environment, told), told)


def _run(script: str, words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], told: Path) -> None:
    # What a shell starts in the background is told to ignore Ctrl-C, and so is all that this starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    with told.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    path = str(REPOSITORY / "scripts" / f"{script}.py")
    sys.argv = [path, *words]
    with blank_pictures():
        runpy.run_path(path, run_name="__main__")
