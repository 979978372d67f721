"""Score cache: a file for each track and method.

Evaluations resume by it, and processes share one.
"""

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
from bsroformer.file_state import digest, file_state
from bsroformer.safe_files import read_json

VERSION = 2
"""Version of the computation of scores: a cache of another version is ignored."""


@dataclass(frozen=True)
class ScoreCache:
    """Scores in ``<folder>/songs/<method>/<track>.json``.

    museval's files are in ``museval/``.

    Attributes:
        folder: Folder of the evaluation.
        stems: Stems to score.
        metrics: Metrics to report; scores that lack one are computed again.
        is_complete: Checks that other outputs for a method and track exist; without them, its scores are ignored.
    """

    folder: Path
    stems: tuple[str, ...]
    metrics: tuple[str, ...]
    is_complete: Callable[[Method, TrackEntry], bool] | None = None

    def read(self, method: Method, track: TrackEntry) -> TrackScores | None:
        """Read the scores of a track.

        It is None unless they match track, method, settings, stems and metrics.
        """
        key = self.cache_key(method, track)
        if key is None:
            return None
        tree = read_tree(self.path(method.name, track.name))
        if tree.get("mark") != key:
            return None
        if self.is_complete and not self.is_complete(method, track):
            return None
        try:
            scores = TrackScores.from_dict(tree)
        except ValueError:  # damaged, or of other metrics
            return None
        fits = scores.song == track.name and set(self.stems) == scores.whole.keys()
        return scores if fits and scores.has(self.metrics) else None

    def write(self, method: Method, track: TrackEntry, scores: TrackScores, key: str | None) -> None:
        """Cache the scores of a track, with its cache key from before it was read.

        Raises:
            InputError: If they cannot be written.
        """
        museval = self._museval_folder(method.name, track.split) / file_name(track.name)
        write_museval(scores, self.stems, museval)
        tree = {"mark": key, "settings": self._settings_key(method, track), "split": track.split, **scores.to_dict()}
        write_text(self.path(method.name, track.name), json.dumps(tree) + "\n")

    def remove_stale(self, method: Method, tracks: Sequence[TrackEntry], overwrite: bool = False) -> set[str]:
        """Remove scores of other weights, settings, stems or track files.

        museval's files of these are removed too.

        Args:
            method: Method of the scores.
            tracks: Tracks to score; scores of other tracks stay if their settings are the same.
            overwrite: Remove all scores of these tracks.

        Returns:
            Names of the tracks whose scores stay.
        """
        chosen = {track.name: track for track in tracks}
        settings = self._settings_key(method, tracks[0])
        cached = set()
        for path in (self.folder / "songs" / method.name).glob("*.json"):
            tree = read_tree(path)
            name = tree.get("song")
            track = chosen.get(name) if isinstance(name, str) else None
            if track is not None:
                fits = not overwrite and self.read(method, track) is not None
            else:
                fits = settings is not None and tree.get("settings") == settings
            if fits and isinstance(name, str):
                cached.add(name)
            else:
                self._remove(path, method)
        return cached

    def path(self, method: str, track: str) -> Path:
        """Return the file of a track's scores."""
        return self.folder / "songs" / method / file_name(track)

    def cache_key(self, method: Method, track: TrackEntry) -> str | None:
        """Compute the cache key of everything the scores depend on; None if unknown."""
        estimates = method.cache_key(track)
        if estimates is None:
            return None
        files = [file_state(path) for path in track.paths]
        made_of = [track.made_of] if track.made_of else []  # keys of older versions have none
        return digest([VERSION, estimates, track.split, self.stems, files, *made_of])

    def _settings_key(self, method: Method, track: TrackEntry) -> str | None:
        """Compute the part of the cache key that all tracks of a method share."""
        own = "" if method.kind == "estimates" else method.cache_key(track)
        return None if own is None else digest([VERSION, own, self.stems])

    def _museval_folder(self, method: str, split: str) -> Path:
        return self.folder / "museval" / method / split

    def _remove(self, path: Path, method: Method) -> None:
        """Remove a file of scores, and museval's files of the same name.

        The content is not trusted.
        """
        path.unlink(missing_ok=True)
        for split in SPLITS:
            remove_within(self.folder, self._museval_folder(method.name, split) / path.name)


def read_tree(path: Path) -> dict[str, Any]:
    """Read a file of scores; empty if it is missing or damaged."""
    try:
        tree = read_json(path)
    except InputError:
        return {}
    return tree if isinstance(tree, dict) else {}


def remove_within(folder: Path, path: Path) -> None:
    """Remove a file, unless a link on the path leads out of the folder."""
    if path.resolve().is_relative_to(folder.resolve()):
        path.unlink(missing_ok=True)


def file_name(track: str) -> str:
    """Return the legal name of a track's file of scores."""
    return f"{folder_name(track)}.json"
