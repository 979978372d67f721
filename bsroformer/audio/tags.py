"""Tags of audio files, and fingerprints of this program's files."""

from pathlib import Path

import av

from bsroformer.audio.containers import open_container
from bsroformer.audio.encoders import MODEL, SIGNATURE

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
"""Tags that stems keep, by FFmpeg's names; cover pictures and descriptions of the encoding are not among them."""
MAX_TAG_CHARACTERS = 1000
"""Longest part of a tag that stems keep: formats have little room."""


def read_tags(path: Path) -> dict[str, str]:
    """Read the tags of an audio file, by FFmpeg's names.

    Empty if FFmpeg cannot read the file.
    """
    found = _all_tags(path)
    tags: dict[str, str] = {}
    for name in TAGS:
        value = found.get(name)
        if value and not SIGNATURE.search(value) and not MODEL.search(value):
            tags[name] = value[:MAX_TAG_CHARACTERS]
    return tags


def read_fingerprints(path: Path) -> set[str]:
    """Read the fingerprints of a file of this program: see `EncodingSpec`."""
    values = _all_tags(path).values()
    return {fingerprint for value in values for fingerprint in SIGNATURE.findall(value)}


def read_model(path: Path) -> str:
    """Read the first digits of the digest of the model that computed a stem: see `EncodingSpec`.

    Empty if the file has none.
    """
    found = [match[1] for match in map(MODEL.search, _all_tags(path).values()) if match]
    return found[0] if found else ""


def _all_tags(path: Path) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        with open_container(str(path.absolute())) as container:
            found = dict(container.metadata)
            if container.streams.audio:  # Ogg has its tags there
                found = dict(container.streams.audio[0].metadata) | found
    except (av.FFmpegError, OSError, UnicodeError):
        return {}
    return {name.lower(): value for name, value in found.items()}
