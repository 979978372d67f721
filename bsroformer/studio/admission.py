"""Admission of songs: each is checked within a time limit and gets its disk space."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from functools import partial
from threading import Condition, Thread
from typing import NamedTuple, TypeVar

from bsroformer.audio.convert import check_rates
from bsroformer.audio.files import AudioInfo, probe
from bsroformer.errors import InputError
from bsroformer.studio.catalog import CheckpointOption
from bsroformer.studio.job import SeparationRequest
from bsroformer.studio.limits import Limits, check_quality
from bsroformer.studio.workspace import Reservation, Workspace

PROBE_TIMEOUT_S = 10.0
"""The header of an ordinary song is read in milliseconds."""
MAX_PROBES = 8
MAX_PROBES_EACH = 2
"""Songs of one visitor that are opened at a time."""

T = TypeVar("T")


class Admitted(NamedTuple):
    """A song that is admitted.

    Attributes:
        audio: The header of its file.
        seconds: Its length, if the header has it.
        reservation: Disk space for its stems.
    """

    audio: AudioInfo
    seconds: float | None
    reservation: Reservation


class Admission:
    """Checks songs, each within a time limit: a crafted file may take minutes to open.

    Args:
        limits: What a visitor may request.
        workspace: Has the uploads and the disk space.
    """

    def __init__(self, limits: Limits, workspace: Workspace) -> None:
        self._limits = limits
        self._workspace = workspace
        self._timed = TimedCalls()

    def admit(self, request: SeparationRequest, option: CheckpointOption) -> Admitted:
        """Check a song, and reserve disk space for its stems.

        Raises:
            InputError: The song is refused.
        """
        check_quality(request.overlap, request.shifts)
        check_stems(request, option)
        name = request.file_name
        try:
            audio, seconds = self._timed.call(partial(self._examine, request, option), request.visitor)
        except InputError as error:
            raise InputError(replace_paths(error, {str(request.source): name})) from error
        except BusyError as error:
            raise InputError(f"too many songs are being opened; try {name} again in a minute") from error
        except TooSlowError as error:
            self._workspace.delete_upload(request.source)  # so that it cannot be submitted again and again
            raise InputError(f"{name} takes too long to read; save it as wav or flac and upload that") from error
        size = self._limits.stems_size(audio, seconds, len(request.names))
        reservation = self._workspace.disk.reserve(size)
        if reservation is None:
            raise InputError(f"the disk is too full for the stems of {name}; try a shorter song, or try again later")
        return Admitted(audio, seconds, reservation)

    def _examine(self, request: SeparationRequest, option: CheckpointOption) -> tuple[AudioInfo, float | None]:
        """Read a song's header, and its length in seconds if the header has it."""
        name = request.file_name
        self._limits.check_file(request.source, name)
        audio = probe(request.source)
        seconds = self._limits.length_of(audio, name)
        self._limits.check_work(seconds, request.passes, name)
        check_rates(audio.sample_rate, option.sample_rate)
        return audio, seconds


def check_stems(request: SeparationRequest, option: CheckpointOption) -> None:
    """Raise `InputError` unless the stems are some of the checkpoint's."""
    wanted = set(request.stems)
    if not wanted or wanted - set(option.stems) or len(wanted) < len(request.stems):
        raise InputError(f"choose one or more of the stems {', '.join(option.stems)} of {option.name}, each once")


def replace_paths(error: InputError, names: Mapping[str, str]) -> str:
    """Replace the server's paths in a message by names that visitors know."""
    message = str(error)
    for path in sorted(names, key=len, reverse=True):
        message = message.replace(path, names[path])
    return message


class TooSlowError(Exception):
    """A call exceeded its time limit."""


class BusyError(Exception):
    """No thread was free for a call in time."""


class TimedCalls:
    """Calls in daemon threads of their own, each with a time limit.

    A late call cannot be stopped: it keeps its thread until it ends, and its result is dropped.

    Args:
        seconds: The limit.
    """

    def __init__(self, seconds: float = PROBE_TIMEOUT_S) -> None:
        self._seconds = seconds
        self._running: Counter[str] = Counter()
        self._ended = Condition()

    def call(self, function: Callable[[], T], visitor: str = "") -> T:
        """Call a function for a visitor, who has some of the threads only.

        Raises:
            TooSlowError: It exceeded the limit.
            BusyError: Other calls left no thread for it in that time.
        """
        with self._ended:
            if not self._ended.wait_for(lambda: self._is_free(visitor), self._seconds):
                raise BusyError
            self._running[visitor] += 1
        future = Future[T]()
        Thread(target=self._run, args=(function, visitor, future), name="probing", daemon=True).start()
        try:
            return future.result(self._seconds)
        except LateError as error:
            if future.done():  # the function itself raised it
                raise
            raise TooSlowError from error

    def _is_free(self, visitor: str) -> bool:
        own = self._running[visitor] if visitor else 0
        return self._running.total() < MAX_PROBES and own < MAX_PROBES_EACH

    def _run(self, function: Callable[[], T], visitor: str, future: Future[T]) -> None:
        try:
            result = function()
        except BaseException as error:  # re-raised in `call`
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            with self._ended:
                self._running[visitor] -= 1
                self._running += Counter()  # drop visitors without calls
                self._ended.notify_all()
