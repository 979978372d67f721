"""What the doctor says of a song."""

from dataclasses import dataclass
from typing import Literal, get_args

from bsroformer.data.layouts import SPLITS

Severity = Literal["error", "warning", "remark"]
"""``error``: training refuses or stops, or its scores mean nothing; ``warning``: it works, but the result suffers;
``remark``: good to know."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a song, or good to know of it.

    Attributes:
        kind: What kind of thing, in a word or two.
        severity: How bad it is.
        split: Of the song.
        song: Its name; empty where a split as a whole is meant.
        stems: Those that it is about; none where it is about the whole song.
        found: What was found, as a phrase with its figures.
        training: What training would do about it, as a clause.
    """

    kind: str
    severity: Severity
    split: str
    song: str
    stems: tuple[str, ...]
    found: str
    training: str

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Errors first, then by split and song."""
        return get_args(Severity).index(self.severity), SPLITS.index(self.split), self.song, self.kind
