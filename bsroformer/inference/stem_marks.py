"""What a stem records among its tags: the song it was separated from, and with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.file_state import file_fingerprint, word_for


@dataclass(frozen=True)
class StemMark:
    """The mark of a song's stems, as a word such as ``0f3a_91bc_77d2``.

    Attributes:
        content: Digest of the song's file.
        settings: Digest of what decides how its stems sound.
        place: Digest of the file's path, which stays when the file is edited. Empty in stems of earlier versions.
    """

    content: str
    settings: str = ""
    place: str = ""

    @classmethod
    def of_song(cls, source: Path, settings: Mapping[str, Any]) -> "StemMark":
        """Mark the stems of a file."""
        return cls(word_for(file_fingerprint(source)), word_for(settings), word_for(str(source.resolve())))

    @classmethod
    def parse(cls, word: str) -> "StemMark":
        """Read a mark from its word."""
        content, _, others = word.partition("_")
        settings, _, place = others.partition("_")
        return cls(content, settings, place)

    def __str__(self) -> str:
        """Write the mark as a word."""
        return "_".join(part for part in (self.content, self.settings, self.place) if part)

    def same_stems(self, other: "StemMark") -> bool:
        """Check that two marks are of one file, wherever it lies, and one set of settings."""
        return (self.content, self.settings) == (other.content, other.settings)

    def same_song(self, other: "StemMark") -> bool:
        """Check that two marks are of one song: the same content, or the same path."""
        return self.content == other.content or (self.place != "" and self.place == other.place)
