"""Scores on the disk, a file for each song and method: what was ended goes on, and processes share an evaluation."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bsroformer.atomic import replacing
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.museval_json import write_museval
from bsroformer.evaluation.scores import SongScores
from bsroformer.evaluation.song_audio import SongEntry
from bsroformer.file_state import file_state

VERSION = 1
"""Of how scores are computed: those of another one are not kept."""
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""What the name of a file must not hold on one system or another."""


@dataclass(frozen=True)
class KeptScores:
    """The scores that are kept in a folder: ``songs/<method>/<song>.json``, and museval's of each beside it.

    Attributes:
        folder: Of the evaluation.
        stems: Those that are scored.
        bss_eval: Whether SIR, SAR and ISR are wanted too.
    """

    folder: Path
    stems: tuple[str, ...]
    bss_eval: bool

    def read(self, method: Method, song: SongEntry) -> SongScores | None:
        """The scores of a song; None if there are none of this song, method and settings."""
        mark = self.mark(method, song)
        if mark is None:
            return None
        try:
            tree = json.loads(self.path(method.name, song).read_text("utf-8"))
            scores = SongScores.from_dict(tree)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        whole = all("SIR" in frames for frames in scores.frames.values()) or not self.bss_eval
        return scores if whole and tree.get("mark") == mark else None

    def write(self, method: Method, song: SongEntry, scores: SongScores) -> None:
        """Keep the scores of a song.

        Raises:
            InputError: If they cannot be written.
        """
        place = self.folder / "museval" / method.name / song.split
        write_museval(scores, self.stems, place / f"{file_name(song.name)}.json")
        tree = {"mark": self.mark(method, song), **scores.to_dict()}
        with replacing(self.path(method.name, song)) as partial:
            partial.write_text(json.dumps(tree) + "\n", encoding="utf-8")

    def forget(self, methods: Sequence[Method], songs: Sequence[SongEntry]) -> None:
        """Remove the scores of these songs and methods."""
        for method in methods:
            for song in songs:
                self.path(method.name, song).unlink(missing_ok=True)

    def path(self, method: str, song: SongEntry) -> Path:
        """Where the scores of a song are."""
        return self.folder / "songs" / method / f"{file_name(song.name)}.json"

    def mark(self, method: Method, song: SongEntry) -> str | None:
        """A word that stands for all that the scores follow from; None if there is no knowing."""
        if (own := method.mark(song)) is None:
            return None
        files = [file_state(path) for path in song.paths]
        told = json.dumps([VERSION, own, song.split, self.stems, files])
        return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def file_name(song: str) -> str:
    """The name of a song as that of a file: what no file may be called is written as in a web address."""
    return FORBIDDEN.sub(lambda found: f"%{ord(found[0]):02X}", song)
