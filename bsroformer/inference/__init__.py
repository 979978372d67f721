"""Separation of mixtures of any length in constant memory.

Mixtures are in memory or in files.
"""

from bsroformer.inference.delivery import Delivery
from bsroformer.inference.ensemble import Ensemble
from bsroformer.inference.separator import Separator
from bsroformer.inference.song_file import SeparatedSong, separate_file, write_stems
from bsroformer.inference.song_stems import SongStems
from bsroformer.inference.songs import Song, find_songs
from bsroformer.inference.stream_separator import StreamSeparator

__all__ = [
    "Delivery",
    "Ensemble",
    "SeparatedSong",
    "Separator",
    "Song",
    "SongStems",
    "StreamSeparator",
    "find_songs",
    "separate_file",
    "write_stems",
]
