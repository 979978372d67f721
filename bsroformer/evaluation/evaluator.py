"""Evaluator of methods on tracks, in bounded memory.

Separation, reading and scoring overlap.
"""

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
from bsroformer.evaluation.scores import Evaluation, TrackScores
from bsroformer.evaluation.scoring_pool import Job, ScoringPool
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry, read_track
from bsroformer.inference.prefetch import prefetch
from bsroformer.metrics import DEFAULT_METRICS, bss_eval

OnScores = Callable[["ScoreCollector", str | None, TrackScores | Failure], None]
"""Receives all scores so far, the method (None for a track that cannot be read), and the new score or failure."""
OnEstimates = Callable[[Method, TrackAudio, Tensor, TrackScores], None]
OnTrack = Callable[[TrackAudio], None]


@dataclass(frozen=True)
class Evaluator:
    """Score methods on tracks.

    One track is separated while the next ones are read and earlier ones are scored, by `workers` threads. One more may
    wait to be scored; then the model waits. So four tracks and `workers` more may be in memory.

    Attributes:
        methods: Floor, candidates and ceilings, in the order of tables.
        stems: Names of the stems to score, as the tracks call them.
        sample_rate: Rate of tracks and estimates, Hz.
        metrics: Metrics to report.
        cache: Cache of scores; None computes all of them.
        workers: Threads that score.
        bss_eval: Compute SIR, SAR and ISR.
        on_scores: Called with every score, one at a time, from any thread.
        on_estimates: Called with all estimates and their scores, from several threads at once.
        on_track: Called with each track after the last of its estimates.
    """

    methods: Sequence[Method]
    stems: tuple[str, ...]
    sample_rate: int
    metrics: tuple[str, ...] = DEFAULT_METRICS
    cache: ScoreCache | None = None
    workers: int = 1
    bss_eval: bool = False
    on_scores: OnScores | None = None
    on_estimates: Sequence[OnEstimates] = ()
    on_track: Sequence[OnTrack] = ()

    def run(self, tracks: Iterable[TrackEntry]) -> Results:
        """Score the tracks; those that fail are in the results' ``failures``.

        Raises:
            InputError: If scores cannot be written.
        """
        collector = ScoreCollector(self)
        reader = prefetch(self._read(tracks, collector), depth=1)
        with ScoringPool(self.workers) as pool, closing(reader) as pending:
            for track in pending:
                jobs = [self._scoring_job(track, method, collector, pool.stopped) for method in track.methods]
                pool.submit(followed(jobs, partial(self._finish, track.audio)))
                del track, jobs  # keeps no further tracks in memory
        return collector.results()

    def _read(self, tracks: Iterable[TrackEntry], collector: "ScoreCollector") -> Iterator["_PendingTrack"]:
        """Read the tracks without cached scores."""
        for entry in tracks:
            missing = [method for method in self.methods if not self._collect_cached(entry, method, collector)]
            if not missing:
                continue
            keys = {method.name: self.cache.cache_key(method, entry) for method in missing} if self.cache else {}
            try:
                audio = read_track(entry.open(), self.stems, self.sample_rate)
            except InputError as error:
                collector.fail(Failure(entry.name, None, str(error)))
                continue
            yield _PendingTrack(entry, audio, missing, keys)
            del audio

    def _collect_cached(self, entry: TrackEntry, method: Method, collector: "ScoreCollector") -> bool:
        scores = self.cache.read(method, entry) if self.cache else None
        if scores is None:
            return False
        collector.add(method, scores)
        return True

    def _scoring_job(self, track: "_PendingTrack", method: Method, collector: "ScoreCollector", stopped: Event) -> Job:
        """Separate a track if the method is device-bound, and return the other work.

        Another thread can do that.
        """
        entry = track.entry
        audio = track.audio
        try:
            separated = self._estimate(audio, method) if method.device_bound else None
        except InputError as error:
            collector.fail(Failure(entry.name, method.name, str(error)))
            return lambda: None

        def score() -> None:
            try:
                estimates = self._estimate(audio, method) if separated is None else separated
                scores = score_track(audio, estimates, self._bss_eval(stopped))
            except InputError as error:
                collector.fail(Failure(entry.name, method.name, str(error)))
                return
            for callback in self.on_estimates:
                callback(method, audio, estimates, scores)
            if self.cache:
                self.cache.write(method, entry, scores, track.cache_keys[method.name])
            collector.add(method, scores)

        return score

    def _finish(self, track: TrackAudio) -> None:
        for callback in self.on_track:
            callback(track)

    def _bss_eval(self, stopped: Event) -> BssEval | None:
        return partial(bss_eval, cancelled=stopped.is_set) if self.bss_eval else None

    @torch.no_grad()
    def _estimate(self, audio: TrackAudio, method: Method) -> Tensor:
        return method.estimate(audio)


def followed(jobs: Sequence[Job], finish: Job) -> list[Job]:
    """Wrap jobs so that the last one to end calls `finish`."""
    pending = list(jobs)
    lock = Lock()

    def run(job: Job) -> None:
        job()
        with lock:
            pending.pop()
            is_last = not pending
        if is_last:
            finish()

    return [partial(run, job) for job in jobs]


@dataclass(frozen=True)
class _PendingTrack:
    """A track in memory, and the methods that lack scores of it.

    Their cache keys are from before the track was read.
    """

    entry: TrackEntry
    audio: TrackAudio
    methods: list[Method]
    cache_keys: dict[str, str | None]


@dataclass
class ScoreCollector:
    """The scores so far.

    Attributes:
        evaluator: Evaluator that computes them.
        scores: Method -> track -> scores.
        failures: Tracks that could not be scored.
    """

    evaluator: Evaluator
    scores: dict[str, dict[str, TrackScores]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, method: Method, scores: TrackScores) -> None:
        """Add the scores of a track."""
        with self.lock:
            self.scores.setdefault(method.name, {})[scores.song] = scores
            self._report(method.name, scores)

    def fail(self, failure: Failure) -> None:
        """Add a track that could not be scored."""
        with self.lock:
            self.failures.append(failure)
            self._report(failure.method, failure)

    @property
    def done(self) -> int:
        """Number of scores, one for each track and method, including those that failed."""
        scored = sum(len(tracks) for tracks in self.scores.values())
        failed = 0
        for failure in self.failures:
            failed += len(self.evaluator.methods) if failure.method is None else 1
        return scored + failed

    def results(self) -> Results:
        """Return the results so far, with tracks in the order of their names."""
        evaluations = []
        for method in self.evaluator.methods:
            tracks = self.scores.get(method.name, {})
            ordered = tuple(tracks[name] for name in sorted(tracks))
            evaluations.append(
                Evaluation(method.name, method.kind, self.evaluator.stems, self.evaluator.metrics, ordered)
            )
        failures = sorted(self.failures, key=lambda failure: (failure.song, failure.method or ""))
        return Results(tuple(evaluations), tuple(failures))

    def _report(self, method: str | None, outcome: TrackScores | Failure) -> None:
        if self.evaluator.on_scores:
            self.evaluator.on_scores(self, method, outcome)
