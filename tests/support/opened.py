"""The tracks of a source, opened."""

from bsroformer.data.sources import Source
from bsroformer.data.splits import Splits, open_tracks


def find_splits(source: Source) -> Splits:
    """Find and open every track of a source."""
    return open_tracks(source.files(), source.form)
