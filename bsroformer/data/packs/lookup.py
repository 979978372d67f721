"""Find the packs of songs, and notice those whose files have changed."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path

from bsroformer.atomic import replacing
from bsroformer.data.layouts import REST, SPLITS, TrackFiles, TrackFormat
from bsroformer.data.packs.packed_track import INDEX, Index, PackedTrack, open_pack, read_index
from bsroformer.data.packs.source_file import SourceFile, digest
from bsroformer.errors import InputError

LONGEST_NAME = 200  # bytes in the name of a song's folder; a system takes 255


@dataclass(frozen=True)
class Found:
    """The pack of a song.

    Attributes:
        song: The song as packed; None where there is none that can be used.
        stale: Whether there is one that cannot be used: files have changed, it holds something else, or it is damaged.
    """

    song: PackedTrack | None
    stale: bool


def pack_folder(pack: Path, split: str, name: str) -> Path:
    """Where the pack of a song belongs; a name is a name, whatever is in it."""
    flat = name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C").replace("\0", "%00")
    flat = f"%2E{flat[1:]}" if flat.startswith(".") else flat
    written = os.fsencode(flat)
    if len(written) > LONGEST_NAME:
        begin = written[: LONGEST_NAME // 2].decode("utf-8", "ignore")
        flat = f"{begin}-{blake2b(written, digest_size=8).hexdigest()}"
    return pack / split / flat


def find_pack(song: TrackFiles, form: TrackFormat, pack: Path) -> Found:
    """Find the pack of a song; it may have been in another split when it was packed."""
    stale = False
    for split in (song.split, *(split for split in SPLITS if split != song.split)):
        folder = pack_folder(pack, split, song.name)
        index = read_index(folder)
        if index is None:
            with suppress(OSError):  # there may be one of another version
                stale = stale or (split == song.split and (folder / INDEX).is_file())
            continue
        stale = stale or split == song.split
        fresh = _known_again(index, song, form) if _fits(index, song, form) else None
        if fresh is None:
            continue
        if fresh != index:
            _remember(folder, index, fresh)
        with suppress(InputError):  # it is damaged
            return Found(open_pack(folder, fresh, [stem for stem in form.stems if stem in fresh.stems]), stale=False)
    return Found(None, stale)


def _remember(folder: Path, index: Index, fresh: Index) -> None:
    """Keep other times of the same files, so that their content is not read again at each start."""
    if read_index(folder) == index:  # nobody has packed the song anew meanwhile
        with suppress(InputError), replacing(folder / INDEX) as partial:
            partial.write_text(fresh.to_json(), "utf-8")


def _fits(index: Index, song: TrackFiles, form: TrackFormat) -> bool:
    """Whether a pack holds what is wanted."""
    wanted = form.stems if song.whole else [stem for stem in form.stems if stem in song.stems]
    same = (index.sample_rate, index.channels) == (form.sample_rate, form.channels)
    return same and bool(wanted) and set(wanted) <= set(index.stems)


def _known_again(index: Index, song: TrackFiles, form: TrackFormat) -> Index | None:
    """The index with the times that files have now, if they are still those that the pack was made of."""
    files = {stem: song.stems[stem] for stem in form.stems if stem in song.stems}
    if REST in files and set(index.stems) != set(form.stems):  # it was the rest of other stems
        return None
    if {stem for stem in form.stems if stem in index.sources} != set(files):
        return None
    read_once = cache(digest)
    found: dict[str, SourceFile] = {}
    for stem, file in files.items():
        try:
            known = index.sources[stem].known_again(file.path, file.stream, read_once)
        except (OSError, InputError):
            return None
        if known is None:
            return None
        found[stem] = known
    return replace(index, sources=index.sources | found)
