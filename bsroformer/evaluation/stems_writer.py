"""Keep the stems that were scored."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bsroformer.audio.writer import write
from bsroformer.evaluation.kept import file_name
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.scores import SongScores
from bsroformer.evaluation.song_audio import SongAudio


@dataclass(frozen=True)
class StemsWriter:
    """Writes the stems of models to ``<folder>/<method>/<song>/<stem>.wav``.

    Attributes:
        folder: Where they go.
        by_method: Whether each method has a folder of its own there.
    """

    folder: Path
    by_method: bool = True

    def __call__(self, method: Method, song: SongAudio, estimates: Tensor, scores: SongScores) -> None:
        """Write the stems of a song, if a model has separated it.

        Raises:
            InputError: If they cannot be written.
        """
        if method.kind != "model":
            return
        folder = self.folder / method.name if self.by_method else self.folder
        for stem, estimate in zip(song.stems, estimates, strict=True):
            write(folder / file_name(song.name) / f"{stem}.wav", estimate, song.sample_rate)
