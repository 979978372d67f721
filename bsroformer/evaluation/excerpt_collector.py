"""Collector of a track's excerpts by method, until the gallery can compare them."""

from dataclasses import dataclass, field
from threading import Lock

from torch import Tensor

from bsroformer.evaluation.gallery import Gallery, ScoredExcerpt
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.scores import TrackScores, mean_over_stems
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.metrics import HEADLINE_METRIC


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
