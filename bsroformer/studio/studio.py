"""The studio: queues and separates the songs of all visitors."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event, Thread

from bsroformer.devices import out_of_memory
from bsroformer.errors import Cancelled, InputError
from bsroformer.inference import Delivery, SeparatedSong, separate_file
from bsroformer.studio.admission import Admission, Admitted, replace_paths
from bsroformer.studio.catalog import CheckpointOption
from bsroformer.studio.job import CANCELLED_BY_VISITOR, FINISHED, Job, SeparationRequest
from bsroformer.studio.job_queue import JobQueue, SpeedEstimator, logged
from bsroformer.studio.job_status import Status, job_status
from bsroformer.studio.limits import Limits, check_types
from bsroformer.studio.model_cache import ModelCache
from bsroformer.studio.preview import PreviewRecorder
from bsroformer.studio.workspace import Workspace, is_nearly_full
from bsroformer.text import decibels

ABANDONED_SECONDS = 120.0
"""A song without requests for so long may be cancelled: its page is closed, or its phone sleeps."""
REOPEN_SECONDS = 15.0
"""How long a page that was closed may take to come back: it may be loaded again, or be open twice."""
CLEANUP_INTERVAL_S = 5.0

log = logging.getLogger(__name__)


class Studio:
    """Separates the songs of all visitors, one after another.

    Args:
        options: The checkpoints to choose from, the default one first.
        model: Loads them.
        workspace: Keeps the songs' files.
        limits: What a visitor may request.
        delivery: How stems are written.
        report: Gets a line of text at the end of each song.

    Attributes:
        checkpoints: The checkpoints by name, in order.
    """

    def __init__(
        self,
        options: Sequence[CheckpointOption],
        model: ModelCache,
        workspace: Workspace,
        limits: Limits,
        delivery: Delivery,
        report: Callable[[str], None] = log.info,
    ) -> None:
        self.checkpoints = {option.name: option for option in options}
        self.model = model
        self.workspace = workspace
        self.limits = limits
        self.delivery = delivery
        self.report = report
        self._jobs: dict[str, Job] = {}
        self._admission = Admission(limits, workspace)
        self._speed = SpeedEstimator()
        self._queue = JobQueue(self._separate, limits.songs, limits.songs_each)
        self._closed = Event()
        Thread(target=self._clean_up_regularly, name="studio cleanup", daemon=True).start()

    def submit(self, request: SeparationRequest, replaces: Job | None = None) -> Job:
        """Queue a song.

        Args:
            request: What is to be done.
            replaces: A song of the same visitor. It is cancelled and does not count towards the limits.

        Raises:
            InputError: The song is refused: unreadable, too large, too long, or the queue is full.
        """
        check_types(request)
        request = replace(request, stems=tuple(request.stems))
        admitted = self._admission.admit(request, self.checkpoint(request.checkpoint))
        try:
            job = self._enqueue(request, admitted, replaces)
        except InputError:
            admitted.reservation.release()
            raise
        if replaces is not None:
            replaces.successor = job.token
            self.cancel(replaces, "Replaced by another song.")
        return job

    def _enqueue(self, request: SeparationRequest, admitted: Admitted, replaces: Job | None) -> Job:
        """Create a job and add it to the queue.

        Raises:
            InputError: The queue is full, or the job's folder cannot be created.
        """
        token, folder = self.workspace.new_song()
        job = Job(token, folder, request, admitted.audio, admitted.seconds, reservation=admitted.reservation)
        self._jobs[token] = job
        try:
            self._queue.add(job, replaces)
        except InputError:
            del self._jobs[token]
            self.workspace.delete_song(token)
            raise
        return job

    def checkpoint(self, name: str) -> CheckpointOption:
        """Return the checkpoint of a name.

        Raises:
            InputError: The name is unknown.
        """
        option = self.checkpoints.get(name) if isinstance(name, str) else None  # programs may send anything
        if option is None:
            shown = name if isinstance(name, str) else repr(name)
            raise InputError(f"unknown checkpoint {shown[:100]}; choose one of {', '.join(self.checkpoints)}")
        return option

    def job(self, token: str) -> Job | None:
        """Return the job of a token, unless it was deleted."""
        return self._jobs.get(token) if isinstance(token, str) else None  # programs may send anything

    def cancel(self, job: Job, reason: str = CANCELLED_BY_VISITOR) -> None:
        """Cancel a job: at once if it waits, with the next block if it is in work."""
        job.cancel(reason)
        if self._queue.remove(job):
            job.finish("cancelled", reason)

    def page_closed(self, job: Job) -> None:
        """Note that a job's page was closed, after which the job may be cancelled."""
        job.closed_at = time.monotonic()
        job.last_seen = job.closed_at - ABANDONED_SECONDS + REOPEN_SECONDS

    def status(self, job: Job) -> Status:
        """Describe a job for its page, see `job_status`."""
        return job_status(job, self._queue.ahead(job), self._speed, self.limits)

    def close(self) -> None:
        """Cancel all songs and delete their files."""
        self._closed.set()
        for job in list(self._jobs.values()):
            self.cancel(job)
        self._queue.close()
        self.workspace.close()

    def _separate(self, job: Job) -> None:
        """Do a job, and pass each error on to its page."""
        try:
            self._write_stems(job)
        except Cancelled:
            job.finish("cancelled", job.cancel_reason)
        except InputError as error:
            job.finish("failed", replace_paths(error, self._display_names(job)))
        except Exception as error:
            if out_of_memory(error):
                self.model.drop()
                job.finish("failed", "The server is out of memory; try again later, or with less overlap.")
            else:
                log.exception("Separation of %s failed", job.request.title)
                job.finish("failed", "Internal error; details are in the server log.")
        self.report(f"{job.request.title}: {job.state}")

    def _display_names(self, job: Job) -> dict[str, str]:
        """Names, for the visitor, of the paths that a message may contain."""
        option = self.checkpoints[job.request.checkpoint]
        names = {str(job.request.source): job.request.file_name, f"{job.folder}/": "", option.path: option.name}
        if option.config is not None:
            names[option.config] = "its YAML"
        return names

    def _write_stems(self, job: Job) -> None:
        if job.cancelled:
            raise Cancelled
        request = job.request
        job.state = "loading"
        option = self.checkpoint(request.checkpoint)
        separator = self.model.separator(option, request.stems, request.overlap, int(request.shifts))
        recorder = PreviewRecorder(separator, job.folder / "listen", request.rest)
        job.preview = recorder.preview
        job.started_at = time.monotonic()
        job.state = "separating"

        def progress(done: float, total: float | None) -> None:
            job.done = done
            self._check_growth(job)

        song = separate_file(
            recorder,
            request.source,
            job.folder / "stems",
            self.delivery,
            request.rest_name,
            downmix=True,
            progress=progress,
            cancelled=lambda: job.cancelled,
        )
        self._speed.record(request, song.seconds, song.seconds_taken)
        job.seconds = song.seconds
        job.files = song.files
        job.notes += notes_on(song, channels=job.audio.channels if job.audio else 2)
        job.finish("done")

    def _check_growth(self, job: Job) -> None:
        """Raise `InputError` if a song is longer than its header says, and too long."""
        name = job.request.file_name
        self.limits.check_length(job.done, name)
        self.limits.check_work(job.done, job.request.passes, name)
        if job.reservation is not None and job.seconds:
            job.reservation.note_written(job.reservation.size * job.done / job.seconds)
        if is_nearly_full(self.workspace.songs):
            raise InputError(f"the disk is too full for the rest of {name}; try again later")

    def _clean_up_regularly(self) -> None:
        while not self._closed.wait(CLEANUP_INTERVAL_S):
            with logged("cleanup"):
                self.clean_up(time.monotonic())

    def clean_up(self, now: float) -> None:
        """Cancel songs whose pages are closed, if others wait, and delete expired songs.

        Args:
            now: By `time.monotonic`.
        """
        jobs = list(self._jobs.values())
        unfinished = [job for job in jobs if job.state not in FINISHED]
        for job in unfinished:
            if now - job.last_seen > ABANDONED_SECONDS and len(unfinished) > 1:
                self.cancel(job, "Cancelled because its page was closed while other songs were waiting.")
        finished = {job.token: job.finished_at for job in jobs}
        in_use = [job.request.source for job in jobs if job.finished_at is None]
        for token in self.workspace.delete_expired(finished, in_use):
            self._jobs.pop(token, None)


def notes_on(song: SeparatedSong, channels: int) -> list[str]:
    """Describe how stems differ from what the song's file would suggest."""
    notes = []
    if channels > 2:
        notes.append(f"Mixed down from {channels} channels to stereo.")
    if song.gain < 1:
        attenuation = decibels(-20 * math.log10(song.gain))
        notes.append(f"All stems are {attenuation} quieter, to avoid clipping.")
    if song.clipped:
        notes.append(f"Samples beyond full scale were clipped in {', '.join(song.clipped)}.")
    return notes
