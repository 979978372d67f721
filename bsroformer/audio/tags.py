"""Read what a file says of its music: title, artist, and the like."""

from pathlib import Path

import av

from bsroformer.audio.containers import open_container
from bsroformer.audio.encoders import MARK

# By FFmpeg's names. Cover pictures, and what describes the encoding, are not among them.
TAGS = (
    "title",
    "artist",
    "album",
    "album_artist",
    "composer",
    "track",
    "disc",
    "date",
    "genre",
    "comment",
    "copyright",
)


LONGEST = 1000
"""Characters of a tag that are kept: formats have little room, and a comment may be of any length."""


def read_tags(path: Path) -> dict[str, str]:
    """The tags of a file that holds audio, by FFmpeg's names; none where FFmpeg does not know the file."""
    found = _all_tags(path)
    return {name: found[name][:LONGEST] for name in TAGS if found.get(name) and not MARK.search(found[name])}


def read_marks(path: Path) -> set[str]:
    """The words by which the program knows its files again: see `bsroformer.audio.encoders.Sound`."""
    return {mark for value in _all_tags(path).values() for mark in MARK.findall(value)}


def _all_tags(path: Path) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        with open_container(str(path.absolute())) as container:
            found = dict(container.metadata)
            if container.streams.audio:  # where Ogg keeps them
                found = dict(container.streams.audio[0].metadata) | found
    except (av.FFmpegError, OSError, UnicodeError):
        return {}
    return {name.lower(): value for name, value in found.items()}
