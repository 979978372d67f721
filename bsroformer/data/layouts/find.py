"""Choose the layout, and find the files of every song."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from bsroformer.data.layouts.clips import has_stem_folders, list_clips
from bsroformer.data.layouts.flat import divide, is_flat
from bsroformer.data.layouts.musdb18 import ROOT_REMEDY, STEM_MP4, SongKind, list_songs, listed, split_folders
from bsroformer.data.layouts.rest import with_rest
from bsroformer.data.layouts.table import list_table
from bsroformer.data.layouts.track_files import SPLITS, TrackFiles
from bsroformer.errors import InputError

Layout = Literal["stem_mp4", "folders", "any", "clips", "table"]

_SONGS_OF: dict[SongKind, str] = {
    "stem_mp4": f"files <song>{STEM_MP4}",
    "folders": "folders <song>/ with a file for each stem",
    "any": f"files <song>{STEM_MP4} or folders <song>/ with a file for each stem",
}
_CONFIG_OF: dict[SongKind, str] = {"stem_mp4": "data=musdb18", "folders": "data=musdb18hq"}


def find_files(
    root: str | Path | None, stems: Sequence[str], layout: Layout = "any", extra: Sequence[str] = ()
) -> list[TrackFiles]:
    """Find the files of every song, split by split and in the order of names.

    Args:
        root: The data set: its folder, or its table.
        stems: Names of the stems, which tell the folders of clips.
        layout: What to expect there. ``clips`` is a folder for each stem in ``train/``, and songs of any kind in the
            other splits.
        extra: Further material to train on: folders of any layout, or tables.

    Raises:
        InputError: There is no data set at ``root``, or none of this layout; two songs have one name.
    """
    if layout not in get_args(Layout):
        raise InputError(f"data.layout={layout} is none of {', '.join(get_args(Layout))}")
    songs = _of_data_set(root, stems, layout)
    for path in extra:
        songs += _extra_songs(Path(path).expanduser(), stems)
    refuse_equal_names(songs)
    return [with_rest(song, stems) for song in songs]


def _of_data_set(root: str | Path | None, stems: Sequence[str], layout: Layout) -> list[TrackFiles]:
    if layout == "table":
        return list_table(_table(root))
    folder = None if root is None else Path(root).expanduser()
    if layout == "any" and folder is not None and is_flat(folder):
        songs = [song for song in list_songs(folder, "train") if song.stems]
        if any(stem in song.stems for song in songs for stem in stems):
            return sorted(divide(songs), key=lambda song: (SPLITS.index(song.split), song.name))
    return _in_splits(split_folders(root), stems, layout)


def _table(root: str | Path | None) -> Path:
    if root is None:
        raise InputError("No table is named: set data.root to a CSV file with the columns stem and path.")
    table = Path(root).expanduser()
    if not table.is_file():
        raise InputError(f"There is no table {table}: set data.root to a CSV file with the columns stem and path.")
    return table


def _in_splits(folders: dict[str, Path], stems: Sequence[str], layout: Layout) -> list[TrackFiles]:
    songs: list[TrackFiles] = []
    for split, folder in folders.items():
        if layout == "clips" and split == "train":
            songs += list_clips(folder, split, stems)
        else:
            songs += list_songs(folder, split, _kind(layout))
    if not songs:
        raise InputError(_no_songs(list(folders.values()), _kind(layout)))
    return songs


def _kind(layout: Layout) -> SongKind:
    return layout if layout in ("stem_mp4", "folders") else "any"


def _extra_songs(path: Path, stems: Sequence[str]) -> Iterator[TrackFiles]:
    """The songs of further material, its layout told by what is there; its name is put before theirs."""
    if path.is_file():
        songs = [song for song in list_table(path) if song.split == "train"]
    elif path.is_dir():
        folder = path / "train" if (path / "train").is_dir() else path
        clips = has_stem_folders(folder, stems)
        songs = list_clips(folder, "train", stems) if clips else list_songs(folder, "train")
    else:
        raise InputError(f"There is no folder or table {path}, which data.extra names: check the path.")
    if not songs:
        raise InputError(
            f"data.extra names {path}, which should hold songs, a folder for each stem, or train/ with either, but "
            f"holds {listed(path) if path.is_dir() else 'no rows of train'}: check the path."
        )
    return (
        replace(song, name=f"{path.stem if path.is_file() else path.name}/{song.name}", whole=False) for song in songs
    )


def refuse_equal_names(songs: Sequence[TrackFiles]) -> None:
    """Make sure that a split and a name mean one song.

    Raises:
        InputError: They mean two.
    """
    seen: dict[tuple[str, str], TrackFiles] = {}
    for song in songs:
        twin = seen.setdefault((song.split, song.name), song)
        if twin is not song:
            raise InputError(f"{twin.path} and {song.path} are both called {song.name}: rename one of them.")


def _no_songs(folders: Sequence[Path], kind: SongKind) -> str:
    """The message for split folders without a song of this kind: it tells of songs of the other."""
    expected = f"Expected {_SONGS_OF[kind]} in {folders[0]}"
    other: SongKind = "folders" if kind == "stem_mp4" else "stem_mp4"
    if kind != "any" and any(list_songs(folder, "", other) for folder in folders):
        return f"{expected}, but found {_SONGS_OF[other]}: choose {_CONFIG_OF[other]}, or another data.root."
    return f"{expected}, but found {listed(folders[0])}: {ROOT_REMEDY}, with songs in them."
