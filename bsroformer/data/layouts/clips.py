"""A folder for each stem, with clips of any name and length in it, to be mixed at random.

::

    <folder>/vocals/anything/take 1.wav
    <folder>/drums/loop.flac ...
"""

from collections.abc import Sequence
from pathlib import Path

from bsroformer.data.layouts.musdb18 import listed
from bsroformer.data.layouts.track_files import StemFile, TrackFiles, audio_files_below
from bsroformer.errors import InputError
from bsroformer.file_names import normal


def has_stem_folders(folder: Path, stems: Sequence[str]) -> bool:
    """Whether a folder has one for a stem, with audio in it or below it."""
    return any((folder / stem).is_dir() and any(audio_files_below(folder / stem)) for stem in stems)


def list_clips(folder: Path, split: str, stems: Sequence[str]) -> list[TrackFiles]:
    """The clips of each stem in the order of names, those in folders below it included.

    Raises:
        InputError: There is none.
    """
    clips = [
        TrackFiles(normal(path.relative_to(folder).as_posix()), split, path, {stem: StemFile(path)}, whole=False)
        for stem in stems
        if (folder / stem).is_dir()
        for path in sorted(audio_files_below(folder / stem))
    ]
    if not clips:
        raise InputError(
            f"{folder} should hold folders named {', '.join(stems)} with audio files in them, but holds "
            f"{listed(folder)}: name them so, or choose another data.root."
        )
    return clips
