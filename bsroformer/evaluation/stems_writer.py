"""Writer of the stems that were scored."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bsroformer.audio.writer import write
from bsroformer.evaluation.methods import Method, Separated
from bsroformer.evaluation.scores import TrackScores
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry
from bsroformer.file_names import folder_name


@dataclass(frozen=True)
class StemsWriter:
    """Write the stems of models to ``<folder>/<method>/<track>/<stem>.wav``.

    Attributes:
        folder: Output folder.
        by_method: Give each method a folder of its own.
    """

    folder: Path
    by_method: bool = True

    def has(self, method: Method, track: TrackEntry) -> bool:
        """Check that the stems of a track exist; only models have stems to write."""
        return method.kind != "model" or self._folder(method, track.name).is_dir()

    def __call__(self, method: Method, track: TrackAudio, estimates: Tensor, scores: TrackScores) -> None:
        """Write the stems of a track that a model has separated.

        Raises:
            InputError: If they cannot be written.
        """
        if method.kind != "model":
            return
        digest = method.separator.model_digest if isinstance(method, Separated) else ""
        for stem, estimate in zip(track.stems, estimates, strict=True):
            write(self._folder(method, track.name) / f"{stem}.wav", estimate, track.sample_rate, model=digest)

    def _folder(self, method: Method, track: str) -> Path:
        parent = self.folder / method.name if self.by_method else self.folder
        return parent / folder_name(track)
