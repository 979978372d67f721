"""Read what a file says of its music: title, artist, and the like."""

from pathlib import Path

import av

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


def read_tags(path: Path) -> dict[str, str]:
    """The tags of a file that holds audio, by FFmpeg's names; none where FFmpeg does not know the file."""
    try:
        with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}) as container:
            found = dict(container.metadata)
            if container.streams.audio:  # where Ogg keeps them
                found = dict(container.streams.audio[0].metadata) | found
    except (av.FFmpegError, OSError):
        return {}
    lower = {name.lower(): value for name, value in found.items()}
    return {name: lower[name] for name in TAGS if lower.get(name)}
