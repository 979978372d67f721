"""Methods x songs -> scores: the model separates a song while others are read and scored, and memory stays bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.results import Failure, Results
from bsroformer.evaluation.score_cache import ScoreCache
from bsroformer.evaluation.score_track import BssEval, score_track
from bsroformer.evaluation.scores import METRICS, Evaluation, TrackScores
from bsroformer.evaluation.scoring_pool import Job, ScoringPool
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry, read_track
from bsroformer.inference.background import ahead
from bsroformer.metrics import bss_eval

OnScores = Callable[["ScoreCollector", str | None, TrackScores | Failure], None]
"""Told of a score, or of a song without one: what there is by now, the method if it is of one, and the score."""
OnEstimates = Callable[[Method, TrackAudio, Tensor, TrackScores], None]
OnSong = Callable[[TrackAudio], None]


@dataclass(frozen=True)
class Evaluator:
    """Scores methods on songs.

    One song is separated while the next ones are read and earlier ones are scored, by `workers` threads. Besides these,
    one more may wait to be scored; then the model waits. So four songs and `workers` more may be in memory.

    Attributes:
        methods: What is evaluated, and its floor and ceiling, in the order of tables.
        stems: Names of the stems that are scored, as the songs call them.
        sample_rate: Of songs and estimates, Hz.
        metrics: What is reported.
        kept: Where scores are kept and found; None computes all of them, and keeps none.
        workers: Threads that score.
        bss_eval: Whether SIR, SAR and ISR are wanted.
        on_scores: Told of every score, one at a time, from any thread.
        on_estimates: Shown all estimates with their scores, from several threads at once.
        on_song: Shown each song after the last of its estimates.
    """

    methods: Sequence[Method]
    stems: tuple[str, ...]
    sample_rate: int
    metrics: tuple[str, ...] = METRICS
    kept: ScoreCache | None = None
    workers: int = 1
    bss_eval: bool = False
    on_scores: OnScores | None = None
    on_estimates: Sequence[OnEstimates] = ()
    on_song: Sequence[OnSong] = ()

    def run(self, songs: Iterable[TrackEntry]) -> Results:
        """Score the songs, past those that cannot be.

        Raises:
            InputError: If scores cannot be written.
        """
        found = ScoreCollector(self)
        with ScoringPool(self.workers) as scorers, closing(ahead(self._read(songs, found), depth=1)) as works:
            for work in works:
                jobs = [self._scoring(work, method, found, scorers.stopped) for method in work.methods]
                scorers.submit(followed(jobs, partial(self._finish, work.audio)))
                del work, jobs  # so that no more songs are in memory than are worked on
        return found.results()

    def _read(self, songs: Iterable[TrackEntry], found: "ScoreCollector") -> Iterator["_Work"]:
        """Read the songs that have no scores yet."""
        for entry in songs:
            missing = [method for method in self.methods if not self._is_kept(entry, method, found)]
            if not missing:
                continue
            marks = {method.name: self.kept.mark(method, entry) for method in missing} if self.kept else {}
            try:
                audio = read_track(entry.open(), self.stems, self.sample_rate)
            except InputError as error:
                found.fail(Failure(entry.name, None, str(error)))
                continue
            yield _Work(entry, audio, missing, marks)
            del audio

    def _is_kept(self, entry: TrackEntry, method: Method, found: "ScoreCollector") -> bool:
        scores = self.kept.read(method, entry) if self.kept else None
        if scores is None:
            return False
        found.add(method, scores)
        return True

    def _scoring(self, work: "_Work", method: Method, found: "ScoreCollector", stopped: Event) -> Job:
        """What is left to do in another thread; a model separates in this one."""
        entry, audio = work.entry, work.audio
        try:
            estimates = self._estimates(audio, method) if method.device_bound else None
        except InputError as error:
            found.fail(Failure(entry.name, method.name, str(error)))
            return lambda: None

        def score() -> None:
            try:
                separated = self._estimates(audio, method) if estimates is None else estimates
                scores = score_track(audio, separated, self._bss_eval(stopped))
            except InputError as error:
                found.fail(Failure(entry.name, method.name, str(error)))
                return
            for keep in self.on_estimates:
                keep(method, audio, separated, scores)
            if self.kept:
                self.kept.write(method, entry, scores, work.marks[method.name])
            found.add(method, scores)

        return score

    def _finish(self, song: TrackAudio) -> None:
        for finish in self.on_song:
            finish(song)

    def _bss_eval(self, stopped: Event) -> BssEval | None:
        return partial(bss_eval, cancelled=stopped.is_set) if self.bss_eval else None

    @torch.no_grad()
    def _estimates(self, audio: TrackAudio, method: Method) -> Tensor:
        return method.estimate(audio)


def followed(jobs: Sequence[Job], finish: Job) -> list[Job]:
    """The same jobs, the last of which to end calls `finish`."""
    left, lock = list(jobs), Lock()

    def run(job: Job) -> None:
        job()
        with lock:
            left.pop()
            is_last = not left
        if is_last:
            finish()

    return [partial(run, job) for job in jobs]


@dataclass(frozen=True)
class _Work:
    """A song that was read, the methods that it has no scores of, and their marks from before it was read."""

    entry: TrackEntry
    audio: TrackAudio
    methods: list[Method]
    marks: dict[str, str | None]


@dataclass
class ScoreCollector:
    """The scores so far.

    Attributes:
        evaluator: Whose they are.
        scores: Method -> song -> scores.
        failures: Songs that could not be scored.
    """

    evaluator: Evaluator
    scores: dict[str, dict[str, TrackScores]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, method: Method, scores: TrackScores) -> None:
        """Add the scores of a song."""
        with self.lock:
            self.scores.setdefault(method.name, {})[scores.song] = scores
            self._tell(method.name, scores)

    def fail(self, failure: Failure) -> None:
        """Add a song that could not be scored."""
        with self.lock:
            self.failures.append(failure)
            self._tell(failure.method, failure)

    @property
    def done(self) -> int:
        """How many scores there are, one of each song and method, and how many will not be."""
        failed = sum(len(self.evaluator.methods) if failure.method is None else 1 for failure in self.failures)
        return failed + sum(len(songs) for songs in self.scores.values())

    def results(self) -> Results:
        """The scores as they stand in tables, the songs in the order of their names."""
        evaluations = [
            Evaluation(
                method.name,
                method.kind,
                self.evaluator.stems,
                self.evaluator.metrics,
                tuple(scores for _, scores in sorted(self.scores.get(method.name, {}).items())),
            )
            for method in self.evaluator.methods
        ]
        failures = sorted(self.failures, key=lambda failure: (failure.song, failure.method or ""))
        return Results(tuple(evaluations), tuple(failures))

    def _tell(self, method: str | None, told: TrackScores | Failure) -> None:
        if self.evaluator.on_scores:
            self.evaluator.on_scores(self, method, told)
