"""A layout without splits: each track is assigned to one by a digest of its name.

Adding tracks does not change the split of the others, unless there are so few that none would be for validation: then
the first by its digest is.

::

    <root>/<song>/vocals.wav ...
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from bsroformer.data.layouts.track_files import SPLITS, TrackFiles

VALID_SHARE = 0.1
TEST_SHARE = 0.1
"""Shares of the tracks, on average."""


def is_flat(root: Path) -> bool:
    """Check that a folder has no folder of a split."""
    return root.is_dir() and not any((root / split).is_dir() for split in SPLITS)


def divide(tracks: Sequence[TrackFiles]) -> list[TrackFiles]:
    """Assign each track to a split by a digest of its name.

    At least one of several tracks is for validation.
    """
    ranked = sorted(tracks, key=lambda song: _number(song.name))
    splits = [_split(_number(song.name)) for song in ranked]
    if len(tracks) > 1 and "valid" not in splits:
        splits[0] = "valid"
    if len(tracks) > 1 and "train" not in splits:
        splits[-1] = "train"
    return [replace(song, split=split) for song, split in zip(ranked, splits, strict=True)]


def _number(name: str) -> float:
    """Hash a name to a number in [0, 1)."""
    digest = blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _split(number: float) -> str:
    if number < VALID_SHARE:
        return "valid"
    return "test" if number < VALID_SHARE + TEST_SHARE else "train"
