"""The studio: who is next, the one model that separates, and what became of each song."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event, Thread

from bsroformer.audio.files import probe
from bsroformer.devices import out_of_memory
from bsroformer.errors import Cancelled, InputError
from bsroformer.inference import Delivery, SeparatedSong, separate_file
from bsroformer.studio.admission import Admission, for_people
from bsroformer.studio.facts import Facts, Pace, facts_of
from bsroformer.studio.held_model import HeldModel
from bsroformer.studio.job import BY_HAND, FINISHED, Job, Wish
from bsroformer.studio.limits import Limits, check_types
from bsroformer.studio.line import Line, logged
from bsroformer.studio.listening import Listening
from bsroformer.studio.menu import Offer
from bsroformer.studio.reserve import Claim, Reserve
from bsroformer.studio.shelf import Shelf

PATIENCE = 120.0
"""Seconds after which a song that nobody asks about makes room for others: its page was closed, or its phone sleeps."""
GRACE = 15.0
"""Seconds that a page has to come back after it said that it was closed: it may be loaded again, or be open twice."""
ROUND = 5.0
"""Seconds between two looks at what can be cancelled or deleted."""

log = logging.getLogger(__name__)


class Studio:
    """Separates the songs of all visitors, one after another, with one model in memory.

    Args:
        offers: The checkpoints to choose from, the usual one first.
        model: Loads them.
        shelf: Keeps the songs' folders.
        limits: What a visitor may ask for.
        delivery: In which form stems are written.
        told: Is given a line of text when a song begins or ends.

    Attributes:
        offers: The checkpoints by name, in order.
        reserve: Space on the disk of songs and uploads.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        model: HeldModel,
        shelf: Shelf,
        limits: Limits,
        delivery: Delivery,
        told: Callable[[str], None] = log.info,
    ) -> None:
        self.offers = {offer.name: offer for offer in offers}
        self.model, self.shelf, self.limits, self.delivery, self.told = model, shelf, limits, delivery, told
        self._jobs: dict[str, Job] = {}
        self.reserve = Reserve(shelf.songs)
        self._admission = Admission(limits, shelf, self.reserve)
        self._pace = Pace()
        self._line = Line(self._separate, limits.songs, limits.songs_each)
        self._closed = Event()
        self._rounds = Thread(target=self._make_rounds, name="studio rounds", daemon=True)
        self._rounds.start()

    def submit(self, wish: Wish, instead_of: Job | None = None) -> Job:
        """Take a song in.

        Args:
            wish: What is to be done.
            instead_of: A song of the same visitor, which is cancelled and whose place in the line this one may have.

        Raises:
            InputError: If it cannot be taken: unreadable, too large, too long, of an odd rate, too many before it.
        """
        check_types(wish)
        wish = replace(wish, stems=tuple(wish.stems))
        offer = self.offer(wish.checkpoint)
        seconds, claim = self._admission.admit(wish, offer)
        try:
            job = self._joined(wish, claim, seconds, instead_of)
        except InputError:
            claim.release()
            raise
        if instead_of is not None:
            instead_of.successor = job.token
            self.cancel(instead_of, "Another song took its place.")
        return job

    def _joined(self, wish: Wish, claim: Claim, seconds: float | None, instead_of: Job | None) -> Job:
        """A new job at the end of the line.

        Raises:
            InputError: If there are too many before it, or its folder cannot be made.
        """
        token, folder = self.shelf.new()
        job = Job(token, folder, wish, seconds, claim=claim)
        self._jobs[token] = job
        try:
            self._line.join(job, instead_of)
        except InputError:
            del self._jobs[token]
            self.shelf.discard(token)
            raise
        return job

    def offer(self, name: str) -> Offer:
        """The checkpoint of that name.

        Raises:
            InputError: If there is none.
        """
        known = self.offers.get(name) if isinstance(name, str) else None  # programs may send anything
        if known is None:
            shown = name if isinstance(name, str) else repr(name)
            raise InputError(f"there is no checkpoint {shown[:100]} here: choose one of {', '.join(self.offers)}")
        return known

    def job(self, token: str) -> Job | None:
        """The song that a token stands for, unless it was deleted."""
        return self._jobs.get(token) if isinstance(token, str) else None  # programs may send anything

    def cancel(self, job: Job, why: str = BY_HAND) -> None:
        """End a job: at once if it waits, with the next piece if it is in work."""
        job.cancel(why)
        if self._line.leave(job):
            job.finish("cancelled", why)

    def leave(self, job: Job) -> None:
        """Take note that a page was closed: its song is cancelled unless somebody asks about it again soon."""
        job.left = time.monotonic()
        job.asked = job.left - PATIENCE + GRACE

    def facts(self, job: Job) -> Facts:
        """What a page may know of a song: see `facts_of`."""
        return facts_of(job, self._line.ahead(job), self._pace, self.limits)

    def close(self) -> None:
        """Cancel all songs and delete their files."""
        self._closed.set()
        for job in list(self._jobs.values()):
            self.cancel(job)
        self._line.close()
        self.shelf.close()

    def _separate(self, job: Job) -> None:
        """Do a job; whatever goes wrong with it is told to its page."""
        try:
            self._write_stems(job)
        except Cancelled:
            job.finish("cancelled", job.why_cancelled)
        except InputError as error:
            job.finish("failed", for_people(error, self._own_names(job)))
        except Exception as error:
            if out_of_memory(error):
                self.model.drop()
                job.finish("failed", "The memory of this machine is full: try again later, or less overlap.")
            else:
                log.exception("unexpected")
                job.finish("failed", "Something went wrong that should not have; whoever runs this page sees what.")
        self.told(f"{job.wish.title}: {job.state}")

    def _own_names(self, job: Job) -> dict[str, str]:
        """What the visitor calls the files that a message may be about."""
        offer = self.offers[job.wish.checkpoint]
        configs = {} if offer.config is None else {offer.config: "its YAML"}
        return {str(job.wish.source): job.wish.name, f"{job.folder}/": "", offer.path: offer.name, **configs}

    def _write_stems(self, job: Job) -> None:
        if job.cancelled:
            raise Cancelled
        wish = job.wish
        job.state = "loading"
        separator = self.model.separator(self.offer(wish.checkpoint), wish.stems, wish.overlap, int(wish.shifts))
        listening = Listening(separator, job.folder / "listen", wish.rest)
        job.sample_rate = probe(wish.source).sample_rate
        job.heard = listening.heard
        job.state, job.begun = "separating", time.monotonic()

        def progress(done: float, total: float | None) -> None:
            job.done = done
            self._check_growth(job, done)

        song = separate_file(
            listening,
            wish.source,
            job.folder / "stems",
            self.delivery,
            wish.rest_name,
            downmix=True,
            progress=progress,
            cancelled=lambda: job.cancelled,
        )
        self._pace.learn(wish, song.seconds, song.seconds_taken)
        job.seconds, job.files = song.seconds, song.files
        job.notes += notes_of(song)
        job.finish("done")

    def _check_growth(self, job: Job, done: float) -> None:
        """Stop a song that turns out longer than its header promised, once that is beyond a limit.

        Args:
            job: The song.
            done: Seconds of its stems that are written.

        Raises:
            InputError: If it is too long, too much work or too large for the disk.
        """
        name = job.wish.name
        self.limits.check_length(done, name)
        self.limits.check_work(done, job.wish.times, name)
        if job.claim is not None and job.seconds:
            job.claim.note_written(job.claim.size * done / job.seconds)
        if self.reserve.is_short:
            raise InputError(f"the disk has no room for more of {name}: try later, when other songs are deleted")

    def _make_rounds(self) -> None:
        while not self._closed.wait(ROUND):
            with logged("a round"):
                self.look_after(time.monotonic())

    def look_after(self, now: float) -> None:
        """Cancel songs whose pages are closed, if others wait, and delete songs whose time is over.

        Args:
            now: By `time.monotonic`.
        """
        jobs = list(self._jobs.values())
        unfinished = [job for job in jobs if job.state not in FINISHED]
        for job in unfinished:
            if now - job.asked > PATIENCE and unfinished[1:]:
                self.cancel(job, "It was cancelled, since its page was closed and others were waiting.")
        for token in self.shelf.sweep(jobs):
            self._jobs.pop(token, None)


def notes_of(song: SeparatedSong) -> list[str]:
    """What is worth knowing of stems."""
    channels = probe(song.source).channels
    notes = [f"Its {channels} channels were mixed down to two."] if channels > 2 else []
    if song.gain < 1:
        notes.append(f"All stems were turned down by {-20 * math.log10(song.gain):.1f} dB, so that none clips.")
    if song.clipped:
        notes.append(f"Samples beyond full scale were cut off in {', '.join(song.clipped)}.")
    return notes
