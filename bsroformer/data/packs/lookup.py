"""Look up the packs of tracks, and detect those whose files have changed."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bsroformer.atomic import replacing
from bsroformer.data.layouts import REST, SPLITS, TrackFiles, TrackFormat
from bsroformer.data.packs.packed_track import INDEX, Index, PackedTrack, open_pack, read_index
from bsroformer.data.packs.source_file import SourceFile, digest
from bsroformer.errors import InputError
from bsroformer.file_names import folder_name


@dataclass(frozen=True)
class PackLookup:
    """Result of looking up the pack of a track.

    Attributes:
        track: The packed track; None if there is no usable pack.
        stale: True if there is an unusable one: files have changed, it holds other stems, or it is damaged.
    """

    track: PackedTrack | None
    stale: bool


def pack_folder(pack: Path, split: str, name: str) -> Path:
    """Return the folder for the pack of a track, whose name may have any characters."""
    return pack / split / folder_name(name)


def find_pack(song: TrackFiles, form: TrackFormat, pack: Path) -> PackLookup:
    """Find the pack of a track, even one that was packed in another split."""
    stale = False
    other_splits = [split for split in SPLITS if split != song.split]
    for split in (song.split, *other_splits):
        folder = pack_folder(pack, split, song.name)
        index = read_index(folder)
        if index is None:
            with suppress(OSError):  # an index of another version may exist
                stale = stale or (split == song.split and (folder / INDEX).is_file())
            continue
        stale = stale or split == song.split
        current = _with_current_times(index, song, form) if _fits(index, song, form) else None
        if current is None:
            continue
        if current != index:
            _save_times(folder, index, current)
        stems = song.pack_stems(form.stems)
        with suppress(InputError):  # a damaged pack
            return PackLookup(open_pack(folder, current, stems, song), stale=False)
    return PackLookup(None, stale)


def _save_times(folder: Path, index: Index, current: Index) -> None:
    """Save new modification times of unchanged files.

    The next start then does not read their content again.
    """
    if read_index(folder) != index:  # another process has packed the track meanwhile
        return
    with suppress(InputError), replacing(folder / INDEX) as partial:
        partial.write_text(current.to_json(), "utf-8")


def _fits(index: Index, song: TrackFiles, form: TrackFormat) -> bool:
    """Check that a pack has the requested stems and format."""
    wanted = song.pack_stems(form.stems)
    same_format = (index.sample_rate, index.channels) == (form.sample_rate, form.channels)
    return same_format and bool(wanted) and set(wanted) <= set(index.stems)


def _with_current_times(index: Index, song: TrackFiles, form: TrackFormat) -> Index | None:
    """Update the modification times of an index.

    The result is None if a file has changed.
    """
    read = song.stems_among(form.stems)
    files = {name: song.stems[name] for name in (*read, *song.parts(read))}
    if REST in files and set(index.stems) != set(form.stems):  # its rest is that of other stems
        return None
    packed = {name for name in (*form.stems, *files) if name in index.sources}
    if packed != set(files):
        return None
    digest_once = cache(digest)
    current: dict[str, SourceFile] = {}
    for stem, file in files.items():
        source = index.sources[stem]
        if source.minus not in (None, file.minus) or source.plus != file.plus:
            return None
        try:
            updated = source.if_unchanged(file.path, file.stream, digest_once)
        except (OSError, InputError):
            return None
        if updated is None:
            return None
        current[stem] = updated
    return replace(index, sources=index.sources | current)
