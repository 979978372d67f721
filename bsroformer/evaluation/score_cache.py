"""Scores on the disk, a file for each song and method: what was ended goes on, and processes share an evaluation."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.atomic import write_text
from bsroformer.data.layouts import SPLITS
from bsroformer.errors import InputError
from bsroformer.evaluation.methods import Method
from bsroformer.evaluation.museval_json import write_museval
from bsroformer.evaluation.scores import TrackScores
from bsroformer.evaluation.track_audio import TrackEntry
from bsroformer.file_names import folder_name
from bsroformer.file_state import file_state, word_for
from bsroformer.safe_files import read_json

VERSION = 2
"""Of how scores are computed: those of another one are not kept."""


@dataclass(frozen=True)
class ScoreCache:
    """The scores that are kept in a folder: ``songs/<method>/<song>.json``, and museval's of each beside it.

    Attributes:
        folder: Of the evaluation.
        stems: Those that are scored.
        bss_eval: Whether SIR, SAR and ISR are wanted too.
        needs: Asked whether what else is wanted of a song and method is there; without it, its scores are not kept.
    """

    folder: Path
    stems: tuple[str, ...]
    bss_eval: bool
    needs: Callable[[Method, TrackEntry], bool] | None = None

    def read(self, method: Method, song: TrackEntry) -> TrackScores | None:
        """The scores of a song; None if there are none of this song, method and settings."""
        mark = self.mark(method, song)
        if mark is None:
            return None
        tree = read_tree(self.path(method.name, song.name))
        if tree.get("mark") != mark or (self.needs and not self.needs(method, song)):
            return None
        try:
            scores = TrackScores.from_dict(tree)
        except ValueError:  # damaged
            return None
        whole = all("SIR" in frames for frames in scores.frames.values())
        fits = scores.song == song.name and set(self.stems) == scores.whole.keys()
        return scores if fits and (whole or not self.bss_eval) else None

    def write(self, method: Method, song: TrackEntry, scores: TrackScores, mark: str | None) -> None:
        """Keep the scores of a song, with the mark that it had before it was read.

        Raises:
            InputError: If they cannot be written.
        """
        museval = self._folder_of_museval(method.name, song.split) / f"{file_name(song.name)}.json"
        write_museval(scores, self.stems, museval)
        tree = {"mark": mark, "settings": self._settings(method, song), "split": song.split, **scores.to_dict()}
        write_text(self.path(method.name, song.name), json.dumps(tree) + "\n")

    def tidy(self, method: Method, songs: Sequence[TrackEntry], overwrite: bool = False) -> set[str]:
        """Remove scores, museval's files too, that are of other weights, settings, stems or files than now.

        Args:
            method: Whose scores.
            songs: The songs that are going to be scored; of others the scores of the same settings stay.
            overwrite: Remove those of these songs all.

        Returns:
            Names of the songs whose scores stay.
        """
        chosen = {song.name: song for song in songs}
        stay = set()
        for path in (self.folder / "songs" / method.name).glob("*.json"):
            tree = read_tree(path)
            name = tree.get("song")
            song = chosen.get(name) if isinstance(name, str) else None
            if song is not None:
                fits = not overwrite and self.read(method, song) is not None
            else:
                settings = self._settings(method, songs[0])
                fits = isinstance(name, str) and settings is not None and tree.get("settings") == settings
            if fits and isinstance(name, str):
                stay.add(name)
                continue
            path.unlink(missing_ok=True)
            for split in SPLITS:  # the file of the same name, whatever the removed one says of its song
                remove_within(self.folder, self._folder_of_museval(method.name, split) / path.name)
        return stay

    def path(self, method: str, song: str) -> Path:
        """Where the scores of a song are."""
        return self.folder / "songs" / method / f"{file_name(song)}.json"

    def mark(self, method: Method, song: TrackEntry) -> str | None:
        """A word that stands for all that the scores follow from; None if there is no knowing."""
        if (own := method.mark(song)) is None:
            return None
        return word_for([VERSION, own, song.split, self.stems, [file_state(path) for path in song.paths]])

    def _folder_of_museval(self, method: str, split: str) -> Path:
        return self.folder / "museval" / method / split

    def _settings(self, method: Method, song: TrackEntry) -> str | None:
        """What of the mark is the same for all songs of a method."""
        own = "" if method.kind == "estimates" else method.mark(song)
        return None if own is None else word_for([VERSION, own, self.stems])


def read_tree(path: Path) -> dict[str, Any]:
    """Read a file of scores; empty if it is missing or damaged."""
    try:
        tree = read_json(path)
    except InputError:
        return {}
    return tree if isinstance(tree, dict) else {}


def remove_within(folder: Path, path: Path) -> None:
    """Remove a file, unless a link on the way to it leads out of the folder."""
    if path.resolve().is_relative_to(folder.resolve()):
        path.unlink(missing_ok=True)


def file_name(song: str) -> str:
    """The name of a song as that of a file: shortened, and without what no file may be called."""
    return folder_name(song)
