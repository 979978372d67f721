"""Excerpts of the songs that a method separates worst and best, chosen while songs are scored."""

import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from filelock import FileLock
from torch import Tensor

from bsroformer.atomic import replacing_folder, writing
from bsroformer.figures import busiest_excerpt
from bsroformer.file_names import folder_name
from bsroformer.report.excerpts import Excerpt, find_excerpts

if TYPE_CHECKING:
    from bsroformer.evaluation.song_audio import SongAudio

LOCK = ".lock"
Rank = tuple[float, str]


@dataclass(frozen=True)
class Gallery:
    """The excerpts of an evaluation, in ``<folder>/<method>/<song>/`` as `bsroformer.report.excerpts` has them.

    What is kept follows from what lies in the folder: threads and processes may fill one gallery together, and one
    that was begun by a killed run can be gone on with.

    Attributes:
        folder: Where excerpts go.
        count: How many of the worst songs of a method are kept, and of the best.
        seconds: Length of an excerpt.
    """

    folder: Path
    count: int = 2
    seconds: float = 10.0

    def consider(self, method: str, song: "SongAudio", estimates: Tensor, score: float) -> None:
        """Keep an excerpt of a song that is among the worst or best so far, and remove that of one that no longer is.

        An excerpt that the song had is replaced. The excerpt is where every stem is heard best.

        Args:
            method: Whose estimates they are.
            song: The song.
            estimates: Of its stems, (n c t).
            score: Of the whole song, in dB; a song without one (NaN) is not kept.

        Raises:
            InputError: If the folder cannot be written.
        """
        rank = score, song.name
        if self._settle(method, rank):
            with self._aside(method) as aside:
                _cut(song, estimates, score, self.seconds, aside)
                self._settle(method, rank, aside)

    def keep_only(self, method: str, songs: Collection[str]) -> None:
        """Remove the excerpts of all songs but these: of those that are going to be considered again or no more.

        To be called by one process before the first of a method's songs is considered; otherwise what an earlier
        evaluation left in the folder competes with what this one finds.

        Raises:
            InputError: If the folder cannot be written.
        """
        with self._alone():
            self._remove(method, songs)
            for leftover in (self.folder / method).glob(".*.part"):  # of a run that was killed
                shutil.rmtree(leftover, ignore_errors=True)

    def _settle(self, method: str, rank: Rank, written: Path | None = None) -> bool:
        """Whether a song is among the ends, by what lies there; leave there what the ends are, it among them.

        Args:
            method: Whose estimates they are.
            rank: That of the song.
            written: Its new excerpt, to be moved in. None: there is none yet, and nothing makes room for it.
        """
        score, song = rank
        with self._alone():
            others = [excerpt.rank for excerpt in find_excerpts(self.folder / method) if excerpt.song != song]
            chosen = ends(others if math.isnan(score) else [*others, rank], self.count)
            if rank in chosen and written is None:
                return True
            if rank in chosen and written is not None:
                _move(written, self.folder / method / folder_name(song))
            self._remove(method, {song for _, song in chosen})
            return rank in chosen

    @contextmanager
    def _aside(self, method: str) -> Iterator[Path]:
        """A folder to be made, for one excerpt and where nobody looks: cutting and writing take long and need no lock.

        It is inside of a temporary one, which only its owner may read.
        """
        folder = self.folder / method
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            made = TemporaryDirectory(prefix=".", suffix=".part", dir=folder, ignore_cleanup_errors=True)
        with made as private:
            yield Path(private) / "excerpt"

    def _remove(self, method: str, kept: Collection[str]) -> None:
        for excerpt in find_excerpts(self.folder / method):
            if excerpt.song not in kept:
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


def _cut(song: "SongAudio", estimates: Tensor, score: float, seconds: float, folder: Path) -> None:
    """Write the excerpt where every stem is heard best."""
    shown = busiest_excerpt(song.targets, song.sample_rate, seconds)
    mixture, references, heard = (signal[..., shown] for signal in (song.mixture, song.targets, estimates))
    begins = (shown.start or 0) / song.sample_rate
    Excerpt(folder, song.name, score, begins, tuple(song.stems)).write(mixture, references, heard, song.sample_rate)


def _move(written: Path, folder: Path) -> None:
    """Let a folder take the place of another, which may be missing."""
    with replacing_folder(folder) as partial, writing(folder):
        partial.rmdir()  # not every system moves onto an empty folder
        written.replace(partial)


def ends(ranks: Sequence[Rank], count: int) -> list[Rank]:
    """The `count` lowest and the `count` highest, in order; all if they are no more."""
    ordered = sorted(ranks)
    return ordered if len(ordered) <= 2 * count else ordered[:count] + ordered[len(ordered) - count :]
