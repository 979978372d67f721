"""Separate songs whose stems are known, score them, and write table, files and pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from bsroformer.audio.files import write
from bsroformer.data.tracks import Track
from bsroformer.evaluation import (
    Evaluation,
    SongScores,
    evaluate,
    scores_figure,
    scores_table,
    write_csv,
    write_figure,
    write_json,
)
from bsroformer.evaluation.scores import mean_over_stems
from bsroformer.figures import busiest_excerpt, separation_figure
from bsroformer.inference import StreamSeparator

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Scoring:
    """What to compute and to keep.

    Attributes:
        folder: Where files go.
        name: Of the JSON and CSV files.
        bss_eval: Whether museval adds SIR, SAR and ISR.
        stems_folder: Where the separated stems are kept, ``<song>/<stem>.wav``; None keeps none.
    """

    folder: Path
    name: str
    bss_eval: bool = False
    stems_folder: Path | None = None

    def run(self, separator: StreamSeparator, tracks: Sequence[Track], console: Console) -> Evaluation:
        """Score the songs; show a progress bar and the table, and write everything.

        Raises:
            InputError: See `evaluate`.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("separating and scoring", total=len(tracks))

            def on_song(track: Track, estimates: Tensor, scores: SongScores) -> None:
                self._keep(track, estimates, separator)
                progress.advance(task)

            evaluation = evaluate(
                separator,
                tracks,
                as_the_songs_say(separator.stems, tracks),
                separator.sample_rate,
                bss_eval=self.bss_eval,
                on_song=on_song,
            )
        console.print(scores_table(evaluation))
        self._write(evaluation, separator, tracks)
        return evaluation

    def _keep(self, track: Track, estimates: Tensor, separator: StreamSeparator) -> None:
        if self.stems_folder is None:
            return
        for stem, estimate in zip(separator.stems, estimates, strict=True):
            write(self.stems_folder / track.name / f"{stem}.wav", estimate, separator.sample_rate)

    def _write(self, evaluation: Evaluation, separator: StreamSeparator, tracks: Sequence[Track]) -> None:
        write_json(evaluation, self.folder / f"{self.name}.json")
        write_csv(evaluation, self.folder / f"{self.name}.csv")
        write_figure(scores_figure(evaluation), self.folder / f"{self.name}.png")
        track = {track.name: track for track in tracks}[middle_song(evaluation)]
        write_figure(excerpt_figure(track, separator), self.folder / "separation.png", dpi=100)


def as_the_songs_say(stems: Sequence[str], tracks: Sequence[Track]) -> tuple[str, ...]:
    """A separator's stems under the songs' names for them: a public checkpoint may write them with capitals."""
    known = {name.casefold(): name for track in tracks[:1] for name in track.stems}
    return tuple(known.get(stem.casefold(), stem) for stem in stems)


def middle_song(evaluation: Evaluation) -> str:
    """The song in the middle of the ranking by mean SI-SDR: the one that shows what to expect."""
    scores = {song.song: mean_over_stems(song.scores)["SI-SDR"] for song in evaluation.songs}
    ranked = sorted((score, song) for song, score in scores.items() if not math.isnan(score))
    return ranked[len(ranked) // 2][1] if ranked else evaluation.songs[0].song


def excerpt_figure(track: Track, separator: StreamSeparator, seconds: float = 8.0) -> "Figure":
    """Separate the excerpt of a song in which every stem is heard best, and draw it."""
    stems = as_the_songs_say(separator.stems, [track])
    targets = track.all_stems()[[track.stems.index(stem) for stem in stems]]  # (n c t)
    shown = busiest_excerpt(targets, separator.sample_rate, seconds)
    targets = targets[..., shown]
    mixture = track.mixture()[..., shown][..., : targets.shape[-1]]
    targets = targets[..., : mixture.shape[-1]]
    return separation_figure(mixture, targets, separator(mixture), separator.stems, separator.sample_rate, track.name)
