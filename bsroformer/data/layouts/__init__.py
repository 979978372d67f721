"""Layouts of data sets on disk: folder or table -> the files of each track."""

from bsroformer.data.layouts.find import Layout, find_files, refuse_equal_names
from bsroformer.data.layouts.track_files import MIXTURE, REST, SPLITS, StemFile, TrackFiles, TrackFormat

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
