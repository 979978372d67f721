"""The same work on many things, in processes."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from bsroformer.errors import InputError


@contextmanager
def mapping(workers: int) -> Iterator[Callable[..., Any]]:
    """Yield a ``map`` over worker processes, or the built-in one for a single worker.

    Raises:
        InputError: A worker was killed.
    """
    if workers <= 1:
        yield map
        return
    # Forking a process that has threads, as PyTorch's, can deadlock.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield pool.map
    except BrokenProcessPool as error:
        raise InputError("A worker process was killed, perhaps for want of memory: set workers=1.") from error
    finally:
        pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    """Leave Ctrl-C to the parent, and the other processors to the other workers."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
