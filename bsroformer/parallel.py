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
        # Processes that are started meanwhile ignore Ctrl-C for good: they are the parent's to end.
        with answering(signal.SIGINT, signal.SIG_IGN):
            return pool.map(function, *things)

    try:
        yield run
    except BrokenProcessPool as error:
        raise InputError("A worker process was killed, perhaps for want of memory: set workers=1.") from error
    finally:
        with answering(signal.SIGINT, signal.SIG_IGN):  # a second Ctrl-C: what is under way is finished
            pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def answering(number: signal.Signals, answer: Any) -> Iterator[None]:
    """Answer a signal with another handler for a moment; in the main thread, which alone gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(number, answer)
    try:
        yield
    finally:
        signal.signal(number, usual)


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
