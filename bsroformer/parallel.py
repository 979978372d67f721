"""The same work on many things, in processes."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
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

    def run(function: Callable[..., Any], *things: Iterable[Any]) -> Iterator[Any]:
        with _ignoring_ctrl_c():  # the workers start here, and are the parent's to end
            return pool.map(function, *things)

    try:
        yield run
    except BrokenProcessPool as error:
        raise InputError("A worker process was killed, perhaps for want of memory: set workers=1.") from error
    finally:
        with _ignoring_ctrl_c():  # a second one; what is under way is finished, so that nothing is half done
            pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; processes that are started meanwhile ignore it for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _begin() -> None:
    """Leave the other processors to the other workers, and end when the parent is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
