"""Songs that nobody has sorted into splits: each goes to one by a digest of its name.

Other songs change nothing of that, unless there are so few that none would validate: then the first by its digest does.

::

    <root>/<song>/vocals.wav ...
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from bsroformer.data.layouts.track_files import SPLITS, TrackFiles

VALID_SHARE, TEST_SHARE = 0.1, 0.1
"""Of the songs, on average."""


def is_flat(root: Path) -> bool:
    """Check that a folder has none of the splits' folders."""
    return root.is_dir() and not any((root / split).is_dir() for split in SPLITS)


def divide(songs: Sequence[TrackFiles]) -> list[TrackFiles]:
    """Assign each song to a split by a digest of its name; at least one of several validates."""
    ranked = sorted(songs, key=lambda song: _place(song.name))
    splits = [_split(_place(song.name)) for song in ranked]
    if len(songs) > 1 and "valid" not in splits:
        splits[0] = "valid"
    if len(songs) > 1 and "train" not in splits:
        splits[-1] = "train"
    return [replace(song, split=split) for song, split in zip(ranked, splits, strict=True)]


def _place(name: str) -> float:
    """A number in [0, 1) that follows from a name."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") / 2**64


def _split(place: float) -> str:
    if place < VALID_SHARE:
        return "valid"
    return "test" if place < VALID_SHARE + TEST_SHARE else "train"
