"""Keep the stems that were scored."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bsroformer.audio.writer import write
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.score_cache import file_name
from bsroformer.evaluation.scores import TrackScores
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry


@dataclass(frozen=True)
class StemsWriter:
    """Writes the stems of models to ``<folder>/<method>/<song>/<stem>.wav``.

    Attributes:
        folder: Where they go.
        by_method: Whether each method has a folder of its own there.
    """

    folder: Path
    by_method: bool = True

    def has(self, method: Method, song: TrackEntry) -> bool:
        """Whether the stems of a song are there, if they are to be."""
        return method.kind != "model" or self._of_song(method, song.name).is_dir()

    def __call__(self, method: Method, song: TrackAudio, estimates: Tensor, scores: TrackScores) -> None:
        """Write the stems of a song, if a model has separated it.

        Raises:
            InputError: If they cannot be written.
        """
        if method.kind != "model":
            return
        for stem, estimate in zip(song.stems, estimates, strict=True):
            write(self._of_song(method, song.name) / f"{stem}.wav", estimate, song.sample_rate)

    def _of_song(self, method: Method, song: str) -> Path:
        return (self.folder / method.name if self.by_method else self.folder) / file_name(song)
