"""What a data set on disk looks like, a layout a file: folder or table -> the files of each song."""

from bsroformer.data.layouts.find import Layout, find_files, refuse_equal_names
from bsroformer.data.layouts.rest import REST
from bsroformer.data.layouts.song_files import MIXTURE, SPLITS, SongFiles, SongFormat, StemFile

__all__ = [
    "MIXTURE",
    "REST",
    "SPLITS",
    "Layout",
    "SongFiles",
    "SongFormat",
    "StemFile",
    "find_files",
    "refuse_equal_names",
]
