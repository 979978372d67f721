"""Stems that any program has written to a folder, as a method to be scored.

::

    <folder>/<song>/<stem>.wav               most programs
    <folder>/<song>/mixture/<stem>.wav       those that were given <song>/mixture.wav, bsroformer separate among them
    <folder>/<song>_<stem>.wav               or "<song> - <stem>.wav": all songs side by side
    <folder>/<song>_(<Stem>)_<model>.wav     audio-separator
    <folder>/1_<song>_(<Stem>).wav           UVR, which numbers its songs

or any of these in ``<folder>/<split>/``, as museval has them, and the names with the song in the song's own folder too.
Capitals do not matter, nor does the kind of audio file.
"""

import re
import unicodedata
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
from bsroformer.file_state import file_state, word_for

TOLERANCE = 0.1
"""Seconds by which an estimate's length may differ from its song's without a word; encoders pad less."""
AFTER_SONG = re.compile(r"_\((?P<bracketed>[^()]+)\)(_[^()]*)?|_(?P<low>[^()]+)| - (?P<dash>[^()]+)")
"""What follows a song's name in the name of a stem's file. Brackets hold a stem, and a model's name may follow them;
two pairs of brackets are of a file that was separated twice."""
NUMBER = re.compile(r"\d+_")
"""What UVR puts before a song's name."""
BETWEEN = re.compile(r"_| - ")
"""A sign that it was the name of another song, which begins with this one's."""
SPLITS_WITHIN = {"valid": ("valid", "train")}
"""The folders of a split, where not its own alone: MUSDB18's validation songs are songs of train."""


@dataclass(frozen=True)
class EstimatesFolder:
    """A method whose estimates are files.

    Attributes:
        name: As tables and folders call it.
        folder: Where the files are.
        names: The stems that are scored, to what the files call them.
        kind: ``estimates``.
        device_bound: False, as there is nothing to compute.
    """

    name: str
    folder: Path
    names: Mapping[str, str]
    kind: str = "estimates"
    device_bound: bool = False

    @staticmethod
    def stems_in(folder: Path, songs: Sequence[TrackEntry]) -> tuple[str, ...]:
        """Find what a folder has of some songs, of one at least, by the names of files alone.

        Args:
            folder: The folder.
            songs: The songs.

        Returns:
            The names that its files give to stems, in small letters and in the order of the alphabet.

        Raises:
            InputError: If it has nothing of these songs, or cannot be read.
        """
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder: give the folder that holds the stems of the songs.")
        names: set[str] = set()
        list_once = cache(listed)
        for song in songs:
            files = list(_files(folder, song.name, song.split, list_once))
            known = OF_ACCOMPANIMENT.union(map(compared, song.stems))
            # "Song_Live_vocals.wav" is of another song, and has no stem "live_vocals" of this one
            names |= {stem for stem, _, own in files if own or compared(stem) in known or not BETWEEN.search(stem)}
        names.discard(MIXTURE)
        if not names:
            named = ", ".join(song.name for song in songs[:3]) + (", ..." if songs[3:] else "")
            raise InputError(
                f"{folder} has no stems of {len(songs)} song(s), {named}: name its files <song>/<stem>.wav."
            )
        return tuple(sorted(names))

    def mark(self, song: TrackEntry) -> str:
        """A word that is another one when the song's files are: their names, sizes or times."""
        found = self._found(song.name, song.split)
        told = [[str(path.relative_to(self.folder)), *file_state(path)] for stem in found for path in found[stem]]
        return word_for(told)

    def estimate(self, song: TrackAudio) -> Tensor:
        """Read the stems of a song.

        A file that ends early is continued with zeros and one that is too long is cut, as museval's ``pad_or_truncate``
        does; a difference above `TOLERANCE` is told by a warning.

        Args:
            song: Tells name, split, stems, sample rate, and by its mixture (c t) channels and length.

        Returns:
            Estimates (n c t) in float32, in the order of the song's stems.

        Raises:
            InputError: If a stem is missing or there twice, cannot be read, holds NaN or infinity, or has another
                sample rate or number of channels than the song.
        """
        found = self._found(song.name, song.split)
        estimates = torch.zeros(len(song.stems), *song.mixture.shape)  # n c t
        for estimate, stem in zip(estimates, song.stems, strict=True):
            estimate[:] = _read(self._one(found[stem], song.name, stem), song)
        self._warn_of_delay(estimates, song)
        return estimates

    def _warn_of_delay(self, estimates: Tensor, song: TrackAudio) -> None:
        """Warn where all stems are late or early by the same time, as after encoders; they are scored as they are."""
        delay = constant_delay(estimates, song.targets, song.sample_rate)
        if delay:
            size = f"{abs(delay):,} samples ({1000 * abs(delay) / song.sample_rate:.1f} ms)"
            warnings.warn(
                f"{self.folder}: all stems of {song.name!r} are {size} {'late' if delay > 0 else 'early'}, "
                "which lowers their scores; shift the files",
                stacklevel=2,
            )

    def _one(self, paths: list[Path], song: str, stem: str) -> Path:
        """The file of a stem."""
        if not paths:
            place = Path(song, self.names[stem])
            raise InputError(f"{self.folder} lacks the {stem} of {song!r}: add {place}.wav, or leave out song or stem.")
        if paths[1:]:
            raise InputError(f"{paths[0]} and {paths[1]} are both the {stem} of {song!r}: remove one of them.")
        return paths[0]

    def _found(self, song: str, split: str) -> dict[str, list[Path]]:
        """The files of a song's stems, by the song's names of these."""
        files = list(_files(self.folder, song, split))
        return {stem: [path for name, path, _ in files if name == plain(own)] for stem, own in self.names.items()}


Listing = list[tuple[str, Path]]
"""What is in a folder, by its `plain` name."""


def plain(name: str) -> str:
    """A name as it is compared: without capitals, and accents written in one way, as file systems differ in them."""
    return unicodedata.normalize("NFC", name).casefold()


def listed(folder: Path) -> Listing:
    """What is in a folder, in the order of names."""
    return [(plain(path.name), path) for path in entries(folder)]


def _files(
    folder: Path, song: str, split: str, list_folder: Callable[[Path], Listing] = listed
) -> Iterator[tuple[str, Path, bool]]:
    """The audio files of a song.

    Args:
        folder: Where all songs are.
        song: The song's name.
        split: Its split.
        list_folder: `listed`, or what remembers it.

    Yields:
        What the file calls its stem, in `plain` letters; the file; and whether it is in a folder of the song's own.
    """
    top = list_folder(folder)
    for place in (top, *map(list_folder, _within(top, *SPLITS_WITHIN.get(split, (split,))))):
        for own in map(listed, _within(place, song)):
            for files in (own, *map(listed, _within(own, MIXTURE))):
                yield from ((_stem_in_own_folder(path, song), path, True) for _, path in files if is_audio(path))
        for name, path in place:
            stem = stem_after(name.removesuffix(path.suffix.lower()), plain(song))
            if stem is not None and is_audio(path):
                yield stem, path, False


def _within(place: Listing, *names: str) -> list[Path]:
    """The folders of some names in a folder."""
    wanted = {plain(name) for name in names}
    return [path for name, path in place if name in wanted and path.is_dir()]


def _stem_in_own_folder(path: Path, song: str) -> str:
    """Name the stem of a file in the folder of its song: by what follows the song's name or ``mixture``, if it does."""
    name = plain(path.stem)
    return stem_after(name, plain(song)) or stem_after(name, MIXTURE) or name


def stem_after(name: str, song: str) -> str | None:
    """Find the stem in the name of a file that begins with its song's name.

    Args:
        name: Name of the file without its suffix, in `plain` letters.
        song: Name of the song, likewise.

    Returns:
        The stem; None if the file is not of this song.
    """
    numbered = NUMBER.match(name)
    start = 0 if name.startswith(song) or numbered is None else numbered.end()
    if not name.startswith(song, start):
        return None
    found = AFTER_SONG.fullmatch(name, start + len(song))
    return found and (found["bracketed"] or found["low"] or found["dash"])


def _read(path: Path, song: TrackAudio) -> Tensor:
    """Read a stem (c t), as long as its song."""
    channels, length = song.mixture.shape
    slack = round(TOLERANCE * song.sample_rate)
    audio, rate = read(path, frames=length + slack + 1)  # enough to see that it is too long
    if rate != song.sample_rate:
        raise InputError(f"{path} has {rate} Hz but {song.name!r} {song.sample_rate} Hz: resample the estimates.")
    if len(audio) != channels:
        raise InputError(
            f"{path} has {len(audio)} channel(s) but {song.name!r} {channels}: separate it with as many channels."
        )
    if abs(audio.shape[1] - length) > slack:
        how = "longer than its song and was cut" if audio.shape[1] > length else "shorter than its song and was padded"
        warnings.warn(f"{path} is over {TOLERANCE} s {how}: check that it is of {song.name!r}.", stacklevel=2)
    return F.pad(audio, (0, length - audio.shape[1]))  # a negative number of zeros cuts
