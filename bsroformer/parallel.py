"""Parallel computation in worker processes."""

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
    # Forking a process with threads, such as PyTorch's, can deadlock.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_initialize_worker)

    def run(function: Callable[..., Any], *things: Iterable[Any]) -> Iterator[Any]:
        # Workers that start in this context ignore Ctrl-C for good; the parent ends them.
        with handling_signal(signal.SIGINT, signal.SIG_IGN):
            return pool.map(function, *things)

    try:
        yield run
    except BrokenProcessPool as error:
        raise InputError("A worker process was killed, possibly because the memory is full; set workers=1.") from error
    finally:
        with handling_signal(signal.SIGINT, signal.SIG_IGN):  # a second Ctrl-C waits for the running jobs
            pool.shutdown(cancel_futures=True)


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def handling_signal(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Replace the handler of a signal in a context.

    Does nothing outside the main thread, the only one that gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)


def _initialize_worker() -> None:
    """Use one thread, and end when the parent is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
