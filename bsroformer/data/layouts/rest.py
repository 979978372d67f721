"""The stem ``rest``: all that a mixture holds besides the stems that are known."""

from collections.abc import Sequence
from dataclasses import replace

from bsroformer.data.layouts.track_files import MIXTURE, StemFile, TrackFiles

REST = "rest"
"""Name in ``data.stems`` of the mixture minus all other stems that are named there."""


def with_rest(song: TrackFiles, stems: Sequence[str]) -> TrackFiles:
    """Add ``rest`` to a song that has its mixture and every other stem, if it is asked for and no file is called so.

    Args:
        song: The files of a song.
        stems: The stems asked for.
    """
    known = tuple(stem for stem in stems if stem != REST)
    derivable = REST in stems and REST not in song.stems and MIXTURE in song.stems
    if not derivable or not known or any(stem not in song.stems for stem in known):
        return song
    mixture = song.stems[MIXTURE]
    return replace(song, stems={**song.stems, REST: StemFile(mixture.path, mixture.stream, minus=known)})
