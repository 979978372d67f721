"""The excerpts of a song under each method, held until the song is scored: a gallery keeps all of them or none."""

from dataclasses import dataclass, field
from threading import Lock

from torch import Tensor

from bsroformer.evaluation.gallery import Gallery, Take
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.scores import TrackScores, mean_over_stems
from bsroformer.evaluation.track_audio import TrackAudio

RANKED_BY = "SI-SDR"
"""Songs whose excerpts are kept are the worst and the best by the mean of this over the stems."""


@dataclass
class ExcerptCollector:
    """Callbacks of an evaluator that fill a gallery.

    Attributes:
        gallery: What keeps excerpts.
        held: Song -> method -> its excerpt, of the songs that are being scored.
    """

    gallery: Gallery
    held: dict[str, dict[str, Take]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, method: Method, song: TrackAudio, estimates: Tensor, scores: TrackScores) -> None:
        """Hold the excerpt of a method that is compared; with the last of the methods, have the song considered."""
        if method.name not in self.gallery.methods:
            return
        score = mean_over_stems(scores.scores([RANKED_BY]))[RANKED_BY]
        excerpt = estimates[..., self.gallery.shown(song)].clone()  # a slice would hold the whole song
        with self.lock:
            takes = self.held.setdefault(song.name, {})
            takes[method.name] = Take(excerpt, score)
            complete = len(takes) == len(self.gallery.methods)
        if complete:
            self.finish(song)

    def finish(self, song: TrackAudio) -> None:
        """Have a song considered of which nothing more is going to be scored."""
        with self.lock:
            takes = self.held.pop(song.name, None)
        if takes:
            self.gallery.consider(song, takes)
