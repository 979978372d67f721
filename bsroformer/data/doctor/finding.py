"""A finding of the doctor: a property of a track that matters in training."""

from dataclasses import dataclass
from typing import Literal, get_args

from bsroformer.data.layouts import SPLITS, TrackFiles

Severity = Literal["error", "warning", "remark"]
"""``error``: training refuses or stops, or its scores are meaningless; ``warning``: training works, but the
result may be worse; ``remark``: for information."""
REFUSES = "refuses the data set"
SUMS = "sums the stems instead"
"""What training does about a track, or about its mixture."""


@dataclass(frozen=True)
class Finding:
    """A fault of a track, or a remark about it.

    Attributes:
        kind: Kind of finding, in one or two words.
        severity: Its severity.
        split: Split of the track.
        song: Name of the track; empty for a finding about a split.
        stems: Stems that it concerns; empty for the whole track.
        found: The finding, as a phrase with its figures.
        training: What training would do about it, as a clause.
    """

    kind: str
    severity: Severity
    split: str
    song: str
    stems: tuple[str, ...]
    found: str
    training: str

    @classmethod
    def about(
        cls, song: TrackFiles, kind: str, severity: Severity, stems: tuple[str, ...], found: str, training: str
    ) -> "Finding":
        """Create a finding about a track."""
        return cls(kind, severity, song.split, song.name, stems, found, training)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Sort key: errors first, then by split and track."""
        return get_args(Severity).index(self.severity), SPLITS.index(self.split), self.song, self.kind
