"""The layout of MoisesDB (arXiv 2307.15913), as published and as its package ``moisesdb`` reads it.

::

    <root>/<provider>/<track>/data.json
                              <stem>/<id>.wav     stems: vocals, bass, drums, guitar, piano, other_keys, ...

There is no mixture and no official split: tracks are assigned to splits by their names. The files of a track may end at
different times.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bsroformer.data.layouts.flat import divide
from bsroformer.data.layouts.multitrack import damaged, data_set_folder, multitrack, no_tracks, read_metadata
from bsroformer.data.layouts.track_files import TrackFiles

DESCRIPTION = "data.json"
HOLDS = "<provider>/<track>/data.json"


def list_moisesdb(root: str | Path | None) -> list[TrackFiles]:
    """List the tracks of MoisesDB, named ``<artist> - <song>``, with the folder's name where that is not unique.

    Raises:
        InputError: There are none, or a description is damaged.
    """
    folder = data_set_folder(root, "moisesdb", HOLDS)
    descriptions = sorted([*folder.glob(f"*/{DESCRIPTION}"), *folder.glob(f"*/*/{DESCRIPTION}")])
    if not descriptions:
        raise no_tracks(folder, "moisesdb", HOLDS)
    titles: set[str] = set()
    tracks = []
    for description in descriptions:
        track = description.parent
        metadata = read_metadata(description)
        try:
            title = f"{metadata['artist']} - {metadata['song']}"
            files = [(stem, path) for stem, path in _files(metadata, track)]
        except (KeyError, TypeError) as error:
            raise damaged(description, error) from error
        name = f"{title} ({track.name})" if title in titles else title
        titles.add(title)
        tracks.append(multitrack(name.replace("/", "_"), "train", track, files, uneven=True))
    return divide(tracks)


def _files(metadata: dict[str, Any], track: Path) -> Iterator[tuple[str, Path]]:
    """Yield the stem and the path of each file."""
    for stem in metadata["stems"]:
        name = str(stem["stemName"])
        for file in stem["tracks"]:
            yield name, track / name / f"{file['id']}.{file['extension']}"
