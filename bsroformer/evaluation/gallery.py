"""Excerpts of the tracks with the lowest and the highest scores."""

import math
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from threading import Lock

from filelock import FileLock
from torch import Tensor

from bsroformer.atomic import replacing_folder, writing
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.scores import TrackScores, mean_over_stems
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.figures import busiest_excerpt
from bsroformer.file_names import folder_name
from bsroformer.metrics import HEADLINE_METRIC
from bsroformer.report.excerpts import Excerpt, find_excerpts

LOCK = ".lock"
Rank = tuple[float, str]
"""Score and name of a track."""


@dataclass(frozen=True)
class ScoredExcerpt:
    """An excerpt of estimates (n c t), and the score of the whole track in dB."""

    estimates: Tensor
    score: float


@dataclass(frozen=True)
class Gallery:
    """Excerpts of an evaluation, in ``<folder>/<method>/<track>/``.

    All methods have excerpts of the same tracks, so that they can be compared: those with the lowest and the highest
    mean score over the methods. Tracks that lack a method, for example because another evaluation scored it, come
    after all others.

    The choice depends on the files in the folder alone: threads and processes can fill one gallery together, and a
    later run can continue that of a killed one.

    Attributes:
        folder: Folder of the excerpts.
        methods: Names of the compared methods.
        count: Number of worst tracks, and of best tracks.
        seconds: Length of an excerpt.
    """

    folder: Path
    methods: tuple[str, ...]
    count: int = 2
    seconds: float = 10.0

    def excerpt_of(self, track: TrackAudio) -> slice:
        """Choose the samples in which every stem of a track is heard best."""
        return busiest_excerpt(track.targets, track.sample_rate, self.seconds)

    def consider(self, track: TrackAudio, excerpts: Mapping[str, ScoredExcerpt]) -> None:
        """Add a track if it is among the worst or best; remove a displaced one.

        An existing excerpt of the track is replaced.

        Args:
            track: The track.
            excerpts: Method -> its excerpt; a track without a score (NaN) is not added.

        Raises:
            InputError: If the folder cannot be written.
        """
        scores = {method: excerpt.score for method, excerpt in excerpts.items()}
        if self._settle(track.name, scores):
            with self._staging_folder() as staged:
                self._write(track, excerpts, staged)
                self._settle(track.name, scores, staged)

    def keep_only(self, method: str, tracks: Collection[str]) -> None:
        """Remove the excerpts of all other tracks, which will be considered again.

        One process must call it before the first of a method's tracks is considered; otherwise excerpts of an earlier
        evaluation in the folder compete with those of this one.

        Raises:
            InputError: If the folder cannot be written.
        """
        with self._locked():
            self._remove_others(method, tracks)
            leftovers = [*self.folder.glob(".*.part"), *(self.folder / method).glob(".*.part")]  # of a killed run
            for leftover in leftovers:
                shutil.rmtree(leftover, ignore_errors=True)

    def _settle(self, track: str, scores: Mapping[str, float], staged: Path | None = None) -> bool:
        """Decide if a track belongs in the folder, and remove displaced ones.

        Args:
            track: Name of the track.
            scores: Its score by each new method.
            staged: Folder of its new excerpts. None: they are not written yet, and nothing is removed for them.
        """
        with self._locked():
            others = self._scores_in_folder()
            own = {**others.pop(track, {}), **scores}
            chosen = self._choose(others, track, own)
            is_chosen = track in chosen
            if is_chosen and staged is None:
                return True
            if is_chosen and staged is not None:
                for method in scores:
                    _replace(staged / method, self.folder / method / folder_name(track))
            for method in self.methods:
                self._remove_others(method, chosen)
            return is_chosen

    def _scores_in_folder(self) -> dict[str, dict[str, float]]:
        """Read the scores of existing excerpts: track -> method -> dB."""
        scores: dict[str, dict[str, float]] = {}
        for method in self.methods:
            for excerpt in find_excerpts(self.folder / method):
                scores.setdefault(excerpt.song, {})[method] = excerpt.score
        return scores

    def _choose(self, others: Mapping[str, Mapping[str, float]], track: str, own: Mapping[str, float]) -> set[str]:
        """Choose among the tracks in the folder and a new one."""
        known = dict(others)
        if not any(map(math.isnan, own.values())):
            known[track] = own
        is_complete = {name: len(scores) == len(self.methods) for name, scores in known.items()}
        ranks = [(fmean(scores.values()), name) for name, scores in known.items() if is_complete[name]]
        chosen = [name for _, name in lowest_and_highest(ranks, self.count)]
        incomplete = sorted(name for name in others if not is_complete[name])
        if track in known and not is_complete[track]:
            incomplete.append(track)
        free = max(0, 2 * self.count - len(chosen))
        return {*chosen, *incomplete[:free]}

    def _write(self, track: TrackAudio, excerpts: Mapping[str, ScoredExcerpt], folder: Path) -> None:
        samples = self.excerpt_of(track)
        mixture = track.mixture[..., samples]
        references = track.targets[..., samples]
        begins = (samples.start or 0) / track.sample_rate
        for method, scored in excerpts.items():
            excerpt = Excerpt(folder / method, track.name, scored.score, begins, tuple(track.stems))
            excerpt.write(mixture, references, scored.estimates, track.sample_rate)

    @contextmanager
    def _staging_folder(self) -> Iterator[Path]:
        """Provide a path for the excerpts of one track.

        Writing takes long and needs no lock.

        It is in a temporary folder that only its owner may read.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = TemporaryDirectory(prefix=".", suffix=".part", dir=self.folder, ignore_cleanup_errors=True)
        with temporary as private:
            yield Path(private) / "excerpt"

    def _remove_others(self, method: str, tracks: Collection[str]) -> None:
        for excerpt in find_excerpts(self.folder / method):
            if excerpt.song not in tracks:
                shutil.rmtree(excerpt.folder, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Create the folder, and lock it against other threads and processes."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / LOCK)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _replace(written: Path, folder: Path) -> None:
    """Move a folder to the place of another, which may be missing."""
    with replacing_folder(folder) as partial, writing(folder):
        partial.rmdir()  # not every system moves onto an empty folder
        written.replace(partial)


def lowest_and_highest(ranks: Sequence[Rank], count: int) -> list[Rank]:
    """Return the `count` lowest and the `count` highest, in order.

    All are returned if there are no more.
    """
    ordered = sorted(ranks)
    if len(ordered) <= 2 * count:
        return ordered
    return ordered[:count] + ordered[len(ordered) - count :]


@dataclass
class ExcerptCollector:
    """Callbacks of an evaluator that fill a gallery.

    It takes all excerpts of a track or none.

    Attributes:
        gallery: The gallery.
        pending: Track -> method -> its excerpt, of tracks that are being scored.
    """

    gallery: Gallery
    pending: dict[str, dict[str, ScoredExcerpt]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, method: Method, track: TrackAudio, estimates: Tensor, scores: TrackScores) -> None:
        """Collect the excerpt of a compared method.

        After the last one, pass the track to the gallery.
        """
        if method.name not in self.gallery.methods:
            return
        score = mean_over_stems(scores.scores([HEADLINE_METRIC]))[HEADLINE_METRIC]
        excerpt = estimates[..., self.gallery.excerpt_of(track)].clone()  # a slice would hold the whole track
        with self.lock:
            excerpts = self.pending.setdefault(track.name, {})
            excerpts[method.name] = ScoredExcerpt(excerpt, score)
            complete = len(excerpts) == len(self.gallery.methods)
        if complete:
            self.finish(track)

    def finish(self, track: TrackAudio) -> None:
        """Pass a track to the gallery after its last score."""
        with self.lock:
            excerpts = self.pending.pop(track.name, None)
        if excerpts:
            self.gallery.consider(track, excerpts)
