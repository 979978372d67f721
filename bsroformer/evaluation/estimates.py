"""Folders of stems from any program, as methods to score.

::

    <folder>/<song>/<stem>.wav               most programs
    <folder>/<song>/mixture/<stem>.wav       programs that separate <song>/mixture.wav, as bsroformer separate
    <folder>/<song>_<stem>.wav               or "<song> - <stem>.wav": all songs side by side
    <folder>/<song>_(<Stem>)_<model>.wav     audio-separator
    <folder>/1_<song>_(<Stem>).wav           UVR, which numbers its songs

or any of these in ``<folder>/<split>/``, as museval has them, and names with the song in the song's own folder too.
Case and audio format are ignored.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.audio.files import read
from bsroformer.data.layouts import MIXTURE
from bsroformer.data.layouts.track_files import entries, is_audio
from bsroformer.errors import InputError
from bsroformer.evaluation.delay import constant_delay
from bsroformer.evaluation.stem_names import OF_ACCOMPANIMENT, compared
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry
from bsroformer.file_names import normal
from bsroformer.file_state import digest, file_state
from bsroformer.text import count, listed

TOLERANCE_S = 0.1
"""Difference in length from the track that gives no warning; encoders pad less."""
AFTER_SONG = re.compile(r"_\((?P<bracketed>[^()]+)\)(_[^()]*)?|_(?P<low>[^()]+)| - (?P<dash>[^()]+)")
"""Part after a song's name in the name of a stem's file. Brackets hold a stem, and a model's name may follow them;
two pairs of brackets mark a file that was separated twice."""
NUMBER = re.compile(r"\d+_")
"""Prefix of a song's name in files of UVR."""
BETWEEN = re.compile(r"_| - ")
"""Separator inside a stem's name: a sign of another song whose name starts with this one's."""
SPLITS_WITHIN = {"valid": ("valid", "train")}
"""Folders of a split, if not its own alone: MUSDB18's validation songs are songs of train."""


@dataclass(frozen=True)
class EstimatesFolder:
    """A method whose estimates are files.

    Attributes:
        name: Name in tables and folders.
        folder: Folder of the files.
        names: The stems to score -> their names in the files.
        kind: ``estimates``.
        device_bound: False, since nothing is computed.
    """

    name: str
    folder: Path
    names: Mapping[str, str]
    kind: str = "estimates"
    device_bound: bool = False

    @staticmethod
    def stems_in(folder: Path, tracks: Sequence[TrackEntry]) -> tuple[str, ...]:
        """Find the stems of some tracks in a folder, by the names of its files.

        Args:
            folder: The folder.
            tracks: The tracks.

        Returns:
            The names of stems in the files, in lower case and alphabetical order.

        Raises:
            InputError: If it has no stems of these tracks, or cannot be read.
        """
        if not folder.is_dir():
            raise InputError(f"{folder} must be a folder; name the one that holds the stems of the songs.")
        names: set[str] = set()
        list_once = cache(list_folder)
        for track in tracks:
            known = OF_ACCOMPANIMENT.union(map(compared, track.stems))
            for stem, _, in_own_folder in _files(folder, track.name, track.split, list_once):
                # "Song_Live_vocals.wav" is of another song, and has no stem "live_vocals" of this one
                if in_own_folder or compared(stem) in known or not BETWEEN.search(stem):
                    names.add(stem)
        names.discard(MIXTURE)
        if not names:
            tracks_named = listed([track.name for track in tracks])
            raise InputError(
                f"{folder} has no stems of {count(len(tracks), 'song')}, {tracks_named}; name its files "
                "<song>/<stem>.wav."
            )
        return tuple(sorted(names))

    def cache_key(self, track: TrackEntry) -> str:
        """Compute a cache key of the names, sizes and times of the track's files."""
        states = []
        for paths in self._stem_files(track.name, track.split).values():
            states += [[str(path.relative_to(self.folder)), *file_state(path)] for path in paths]
        return digest(states)

    def estimate(self, track: TrackAudio) -> Tensor:
        """Read the stems of a track.

        A file that ends early is padded with zeros and one that is too long is cut, as by museval's
        ``pad_or_truncate``; a difference above `TOLERANCE_S` gives a warning.

        Args:
            track: Name, split, stems, sample rate, and by its mixture (c t) channels and length.

        Returns:
            Estimates (n c t) in float32, in the order of the track's stems.

        Raises:
            InputError: If a stem is missing or exists twice, cannot be read, holds NaN or infinity, or has another
                sample rate or number of channels than the track.
        """
        files = self._stem_files(track.name, track.split)
        estimates = torch.zeros(len(track.stems), *track.mixture.shape)  # n c t
        for estimate, stem in zip(estimates, track.stems, strict=True):
            estimate[:] = _read(self._only(files[stem], track.name, stem), track)
        self._warn_of_delay(estimates, track)
        return estimates

    def _warn_of_delay(self, estimates: Tensor, track: TrackAudio) -> None:
        """Warn if all stems have the same delay, as after encoders.

        They are scored unchanged.
        """
        delay = constant_delay(estimates, track.targets, track.sample_rate)
        if delay:
            milliseconds = 1000 * abs(delay) / track.sample_rate
            direction = "late" if delay > 0 else "early"
            warnings.warn(
                f"{self.folder}: all stems of {track.name!r} are {abs(delay):,} samples ({milliseconds:.1f} ms) "
                f"{direction}, which lowers their scores; shift the files",
                stacklevel=2,
            )

    def _only(self, paths: list[Path], track: str, stem: str) -> Path:
        """Return the one file of a stem."""
        if not paths:
            expected = Path(track, f"{self.names[stem]}.wav")
            raise InputError(
                f"{self.folder} lacks the {stem} of {track!r}; add {expected}, or exclude the song or stem."
            )
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1]} are both the {stem} of {track!r}; remove one of them.")
        return paths[0]

    def _stem_files(self, track: str, split: str) -> dict[str, list[Path]]:
        """Find the files of a track's stems, by the track's names of these."""
        files = list(_files(self.folder, track, split))
        return {stem: [path for name, path, _ in files if name == plain(own)] for stem, own in self.names.items()}


Listing = list[tuple[str, Path]]
"""Entries of a folder with their `plain` names."""


def plain(name: str) -> str:
    """Normalise the case and the accents of a name for comparison."""
    return normal(name).casefold()


def list_folder(folder: Path) -> Listing:
    """List a folder in the order of names."""
    return [(plain(path.name), path) for path in entries(folder)]


def _files(
    folder: Path, track: str, split: str, list_root: Callable[[Path], Listing] = list_folder
) -> Iterator[tuple[str, Path, bool]]:
    """Find the audio files of a track.

    Args:
        folder: Folder of all tracks.
        track: Name of the track.
        split: Split of the track.
        list_root: `list_folder`, or a cached one.

    Yields:
        The stem's name in the file, in `plain` letters; the file; and True in a folder of the track's own.
    """
    top = list_root(folder)
    split_folders = _within(top, *SPLITS_WITHIN.get(split, (split,)))
    for listing in (top, *map(list_root, split_folders)):
        for own_folder in _within(listing, track):
            yield from _files_of_own_folder(own_folder, track)
        for name, path in listing:
            stem = stem_after(name.removesuffix(path.suffix.lower()), plain(track))
            if stem is not None and is_audio(path):
                yield stem, path, False


def _files_of_own_folder(folder: Path, track: str) -> Iterator[tuple[str, Path, bool]]:
    """Find the audio files in a track's own folder, and in its ``mixture/``."""
    own = list_folder(folder)
    for files in (own, *map(list_folder, _within(own, MIXTURE))):
        for _, path in files:
            if is_audio(path):
                yield _stem_in_own_folder(path, track), path, True


def _within(listing: Listing, *names: str) -> list[Path]:
    """Return the folders of some names."""
    wanted = {plain(name) for name in names}
    return [path for name, path in listing if name in wanted and path.is_dir()]


def _stem_in_own_folder(path: Path, track: str) -> str:
    """Return the stem in a file's name, without the track's name or ``mixture``."""
    name = plain(path.stem)
    return stem_after(name, plain(track)) or stem_after(name, MIXTURE) or name


def stem_after(name: str, track: str) -> str | None:
    """Find the stem in the name of a file that starts with its track's name.

    Args:
        name: Name of the file without its suffix, in `plain` letters.
        track: Name of the track, likewise.

    Returns:
        The stem; None if the file is not of this track.
    """
    numbered = NUMBER.match(name)
    start = 0 if name.startswith(track) or numbered is None else numbered.end()
    if not name.startswith(track, start):
        return None
    match = AFTER_SONG.fullmatch(name, start + len(track))
    if match is None:
        return None
    return match["bracketed"] or match["low"] or match["dash"]


def _read(path: Path, track: TrackAudio) -> Tensor:
    """Read a stem (c t), as long as its track."""
    channels, length = track.mixture.shape
    tolerance = round(TOLERANCE_S * track.sample_rate)
    audio, rate = read(path, frames=length + tolerance + 1)  # enough to detect that it is too long
    if rate != track.sample_rate:
        raise InputError(f"{path} has {rate} Hz but {track.name!r} {track.sample_rate} Hz; resample the estimates.")
    if len(audio) != channels:
        raise InputError(
            f"{path} has {count(len(audio), 'channel')} but {track.name!r} {channels}; separate it with as many."
        )
    excess = audio.shape[1] - length
    if abs(excess) > tolerance:
        problem = "longer than its song and was cut" if excess > 0 else "shorter than its song and was padded"
        warnings.warn(f"{path} is over {TOLERANCE_S} s {problem}; check that it is of {track.name!r}.", stacklevel=2)
    return F.pad(audio, (0, -excess))  # a negative number of zeros cuts
