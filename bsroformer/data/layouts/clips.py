"""A layout of a folder for each stem, with clips to be mixed at random.

::

    <folder>/vocals/anything/take 1.wav
    <folder>/drums/loop.flac ...
"""

from collections.abc import Sequence
from pathlib import Path

from bsroformer.data.layouts.track_files import StemFile, TrackFiles, audio_files_below, describe_entries
from bsroformer.errors import InputError
from bsroformer.file_names import normal


def has_stem_folders(folder: Path, stems: Sequence[str]) -> bool:
    """Check for the folder of a stem with audio in it or below it."""
    return any((folder / stem).is_dir() and any(audio_files_below(folder / stem)) for stem in stems)


def list_clips(folder: Path, split: str, stems: Sequence[str]) -> list[TrackFiles]:
    """List the clips of each stem in the order of names, with those in folders below.

    Raises:
        InputError: There is no clip.
    """
    clips = []
    for stem in stems:
        if not (folder / stem).is_dir():
            continue
        for path in sorted(audio_files_below(folder / stem)):
            name = normal(path.relative_to(folder).as_posix())
            clips.append(TrackFiles(name, split, path, {stem: StemFile(path)}, whole=False))
    if not clips:
        raise InputError(
            f"{folder} should hold folders named {', '.join(stems)} with audio files in them, but holds "
            f"{describe_entries(folder)}; name them so, or choose another data.root."
        )
    return clips
