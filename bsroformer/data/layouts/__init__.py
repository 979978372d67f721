"""Layouts of data sets on disk: folder or table -> the files of each track."""

from bsroformer.data.layouts.find import Layout, Missing, find_files, refuse_equal_names
from bsroformer.data.layouts.track_files import MIXTURE, REST, SPLITS, UNKNOWN, StemFile, TrackFiles, TrackFormat

__all__ = [
    "MIXTURE",
    "REST",
    "SPLITS",
    "UNKNOWN",
    "Layout",
    "Missing",
    "StemFile",
    "TrackFiles",
    "TrackFormat",
    "find_files",
    "refuse_equal_names",
]
