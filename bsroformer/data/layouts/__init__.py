"""What a data set on disk looks like, a layout a file: folder or table -> the files of each song."""

from bsroformer.data.layouts.find import Layout, find_files, refuse_equal_names
from bsroformer.data.layouts.rest import REST
from bsroformer.data.layouts.track_files import MIXTURE, SPLITS, StemFile, TrackFiles, TrackFormat

__all__ = [
    "MIXTURE",
    "REST",
    "SPLITS",
    "Layout",
    "StemFile",
    "TrackFiles",
    "TrackFormat",
    "find_files",
    "refuse_equal_names",
]
