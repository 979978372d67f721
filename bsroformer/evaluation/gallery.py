"""Excerpts of the songs that are separated worst and best, chosen while songs are scored."""

import math
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from filelock import FileLock
from torch import Tensor

from bsroformer.atomic import replacing_folder, writing
from bsroformer.figures import busiest_excerpt
from bsroformer.file_names import folder_name
from bsroformer.report.excerpts import Excerpt, find_excerpts

if TYPE_CHECKING:
    from bsroformer.evaluation.track_audio import TrackAudio

LOCK = ".lock"
Rank = tuple[float, str]


@dataclass(frozen=True)
class Take:
    """The excerpt of a song's stems as one method estimated them (n c t), and the score of the whole song in dB."""

    estimates: Tensor
    score: float


@dataclass(frozen=True)
class Gallery:
    """The excerpts of an evaluation, in ``<folder>/<method>/<song>/`` as `bsroformer.report.excerpts` has them.

    All methods have excerpts of the same songs, so that they can be compared: those whose mean score over the methods
    is the lowest and the highest. Songs that lack a method, as where another evaluation had scored it, fill up.

    What is kept follows from the files in the folder: threads and processes may fill one gallery together, and one
    that was begun by a killed run can be continued.

    Attributes:
        folder: Where excerpts go.
        methods: Names of the methods that are compared.
        count: How many of the worst songs are kept, and of the best.
        seconds: Length of an excerpt.
    """

    folder: Path
    methods: tuple[str, ...]
    count: int = 2
    seconds: float = 10.0

    def shown(self, song: "TrackAudio") -> slice:
        """The samples of a song's excerpt: where every stem is heard best."""
        return busiest_excerpt(song.targets, song.sample_rate, self.seconds)

    def consider(self, song: "TrackAudio", takes: Mapping[str, Take]) -> None:
        """Keep the excerpt of a song that is among the worst or best so far, and remove that of one that no longer is.

        An excerpt that the song had is replaced.

        Args:
            song: The song.
            takes: Method -> its excerpt; a song without a score (NaN) is not kept.

        Raises:
            InputError: If the folder cannot be written.
        """
        scores = {method: take.score for method, take in takes.items()}
        if self._settle(song.name, scores):
            with self._aside() as aside:
                self._write(song, takes, aside)
                self._settle(song.name, scores, aside)

    def keep_only(self, method: str, songs: Collection[str]) -> None:
        """Remove the excerpts of all songs but these: of those that are going to be considered again or no more.

        To be called by one process before the first of a method's songs is considered; otherwise what an earlier
        evaluation left in the folder competes with what this one finds.

        Raises:
            InputError: If the folder cannot be written.
        """
        with self._alone():
            for excerpt in find_excerpts(self.folder / method):
                if excerpt.song not in songs:
                    shutil.rmtree(excerpt.folder, ignore_errors=True)
            for leftover in (*self.folder.glob(".*.part"), *(self.folder / method).glob(".*.part")):  # of a killed run
                shutil.rmtree(leftover, ignore_errors=True)

    def _settle(self, song: str, scores: Mapping[str, float], written: Path | None = None) -> bool:
        """Whether a song is to be kept beside those in the folder; remove those that are not, and put it there.

        Args:
            song: Its name.
            scores: Its score under each method that is new.
            written: The folder of its new excerpts, to be moved in. None: they are not written yet, and nothing makes
                room for them.
        """
        with self._alone():
            found = self._found()
            own = {**found.pop(song, {}), **scores}
            chosen = self._chosen(found, song, own)
            if song in chosen and written is None:
                return True
            if song in chosen and written is not None:
                for method in scores:
                    _move(written / method, self.folder / method / folder_name(song))
            self._remove_all_but(chosen)
            return song in chosen

    def _found(self) -> dict[str, dict[str, float]]:
        """Song -> method -> score, of the excerpts in the folder."""
        found: dict[str, dict[str, float]] = {}
        for method in self.methods:
            for excerpt in find_excerpts(self.folder / method):
                found.setdefault(excerpt.song, {})[method] = excerpt.score
        return found

    def _chosen(self, found: Mapping[str, Mapping[str, float]], song: str, own: Mapping[str, float]) -> set[str]:
        """The songs to keep, of those in the folder and a new one."""
        known = {**found} if any(map(math.isnan, own.values())) else {**found, song: own}
        complete = [(fmean(of.values()), name) for name, of in known.items() if len(of) == len(self.methods)]
        chosen = [name for _, name in ends(complete, self.count)]
        others = sorted(name for name in found if name in known and len(found[name]) < len(self.methods))
        if song in known and len(own) < len(self.methods):
            others.append(song)
        return {*chosen, *others[: max(0, 2 * self.count - len(chosen))]}

    def _write(self, song: "TrackAudio", takes: Mapping[str, Take], folder: Path) -> None:
        shown = self.shown(song)
        mixture, references = song.mixture[..., shown], song.targets[..., shown]
        begins = (shown.start or 0) / song.sample_rate
        for method, take in takes.items():
            excerpt = Excerpt(folder / method, song.name, take.score, begins, tuple(song.stems))
            excerpt.write(mixture, references, take.estimates, song.sample_rate)

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """A folder to be made, for the excerpts of one song: writing takes long and needs no lock.

        It is inside of a temporary one, which only its owner may read.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            made = TemporaryDirectory(prefix=".", suffix=".part", dir=self.folder, ignore_cleanup_errors=True)
        with made as private:
            yield Path(private) / "excerpt"

    def _remove_all_but(self, songs: Collection[str]) -> None:
        for method in self.methods:
            for excerpt in find_excerpts(self.folder / method):
                if excerpt.song not in songs:
                    shutil.rmtree(excerpt.folder, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Make the folder, and keep other threads and processes from changing it meanwhile."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / LOCK)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _move(written: Path, folder: Path) -> None:
    """Let a folder take the place of another, which may be missing."""
    with replacing_folder(folder) as partial, writing(folder):
        partial.rmdir()  # not every system moves onto an empty folder
        written.replace(partial)


def ends(ranks: Sequence[Rank], count: int) -> list[Rank]:
    """The `count` lowest and the `count` highest, in order; all if they are no more."""
    ordered = sorted(ranks)
    return ordered if len(ordered) <= 2 * count else ordered[:count] + ordered[len(ordered) - count :]
