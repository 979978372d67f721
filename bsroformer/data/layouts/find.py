"""Choose the layout of a data set, and find the files of every track."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from bsroformer.data.layouts.clips import has_stem_folders, list_clips
from bsroformer.data.layouts.dnr import list_dnr
from bsroformer.data.layouts.flat import divide, is_flat
from bsroformer.data.layouts.medleydb import list_medleydb
from bsroformer.data.layouts.moisesdb import list_moisesdb
from bsroformer.data.layouts.musdb18 import ROOT_REMEDY, STEM_MP4, TrackKind, list_tracks, split_folders
from bsroformer.data.layouts.slakh2100 import list_slakh2100
from bsroformer.data.layouts.stem_map import StemMap
from bsroformer.data.layouts.table import list_table
from bsroformer.data.layouts.track_files import SPLITS, TrackFiles, describe_entries
from bsroformer.errors import InputError

Layout = Literal["stem_mp4", "folders", "any", "clips", "table", "moisesdb", "slakh2100", "medleydb", "dnr"]
MULTITRACKS: dict[str, Callable[[str | Path | None], list[TrackFiles]]] = {
    "moisesdb": list_moisesdb,
    "slakh2100": list_slakh2100,
    "medleydb": list_medleydb,
    "dnr": list_dnr,
}
"""Published data sets with a layout of their own."""
Missing = Literal["refuse", "unknown", "silent"]
"""Meaning of a stem that a track lacks: a fault, music in its mixture that is not known alone, or silence."""

_DESCRIPTIONS: dict[TrackKind, str] = {
    "stem_mp4": f"files <song>{STEM_MP4}",
    "folders": "folders <song>/ with a file for each stem",
    "any": f"files <song>{STEM_MP4} or folders <song>/ with a file for each stem",
}
_CONFIGS: dict[TrackKind, str] = {"stem_mp4": "data=musdb18", "folders": "data=musdb18hq"}


def find_files(
    root: str | Path | None,
    stems: Sequence[str],
    layout: Layout = "any",
    extra: Sequence[str] = (),
    stem_map: Mapping[str, str | Sequence[str]] | None = None,
    missing: Missing = "refuse",
    extra_weight: float = 1.0,
) -> list[TrackFiles]:
    """Find the files of every track, split by split and in the order of names.

    Args:
        root: The data set: its folder, or its table.
        stems: Names of the stems, which are those of the folders of clips.
        layout: Layout of the data set. ``clips`` is a folder for each stem in ``train/``, and tracks of any kind in
            the other splits.
        extra: Further material to train on: folders of songs or of clips, or tables.
        stem_map: Names of stems, by the names of files, of folders of clips, or of a table; or the names of the files
            that a stem is the sum of, by its name.
        missing: What a stem is that a track lacks.
        extra_weight: How often a second of further material is drawn, relative to one of the data set.

    Raises:
        InputError: There is no data set at ``root``, or it has another layout; two tracks have one name; or `stem_map`
            has a name that no track or no model has.
    """
    if layout not in get_args(Layout):
        raise InputError(f"data.layout={layout} must be one of {', '.join(get_args(Layout))}")
    names = StemMap.of(stem_map)
    if layout in MULTITRACKS:
        names = names.of_stems(stems)
    files = names.files_of(stems)
    tracks = _of_data_set(root, files, layout)
    for path in extra:
        further = _of_extra(Path(path).expanduser(), files)
        tracks += [replace(song, weight=extra_weight) for song in further]
    refuse_equal_names(tracks)
    names.check(stems, tracks)
    named = [names.apply(song, stems).with_rest(stems) for song in tracks]
    return [completed(song, stems, missing) for song in named]


def completed(song: TrackFiles, stems: Sequence[str], missing: Missing) -> TrackFiles:
    """Complete a track that lacks stems, unless they seem to be files of another spelling."""
    if song.case_mismatches(stems):
        return song
    if missing == "unknown":
        return song.with_unknown(stems)
    return song.with_silence(stems) if missing == "silent" else song


def _of_data_set(root: str | Path | None, names: Sequence[str], layout: Layout) -> list[TrackFiles]:
    if layout == "table":
        return list_table(_table(root))
    if layout in MULTITRACKS:
        return MULTITRACKS[layout](root)
    folder = None if root is None else Path(root).expanduser()
    if layout == "any" and folder is not None and is_flat(folder):
        tracks = [song for song in list_tracks(folder, "train") if song.stems]
        if any(stem in song.stems for song in tracks for stem in names):
            return sorted(divide(tracks), key=lambda song: (SPLITS.index(song.split), song.name))
    return _of_split_folders(split_folders(root), names, layout)


def _table(root: str | Path | None) -> Path:
    if root is None:
        raise InputError("No table is named; set data.root to a CSV file with the columns stem and path.")
    table = Path(root).expanduser()
    if not table.is_file():
        raise InputError(f"There is no table {table}; set data.root to a CSV file with the columns stem and path.")
    return table


def _of_split_folders(folders: dict[str, Path], names: Sequence[str], layout: Layout) -> list[TrackFiles]:
    kind: TrackKind = layout if layout in ("stem_mp4", "folders") else "any"
    tracks: list[TrackFiles] = []
    for split, folder in folders.items():
        if layout == "clips" and split == "train":
            tracks += list_clips(folder, split, names)
        else:
            tracks += list_tracks(folder, split, kind)
    if not tracks:
        raise InputError(_no_tracks(list(folders.values()), kind))
    return tracks


def _of_extra(path: Path, names: Sequence[str]) -> list[TrackFiles]:
    """List the tracks of further material of any layout, with its name before theirs."""
    if path.is_file():
        prefix = path.stem
        holds = "no rows of train"
        tracks = [song for song in list_table(path) if song.split == "train"]
    elif path.is_dir():
        prefix = path.name
        holds = describe_entries(path)
        folder = path / "train" if (path / "train").is_dir() else path
        clips = has_stem_folders(folder, names)
        found = list_clips(folder, "train", names) if clips else list_tracks(folder, "train")
        tracks = [song for song in found if song.stems]  # songs of which no label was kept have none
    else:
        raise InputError(f"There is no folder or table {path}, which data.extra names; check the path.")
    if not tracks:
        raise InputError(
            f"data.extra names {path}, which should hold songs, a folder for each stem, or train/ with either, but "
            f"holds {holds}; check the path."
        )
    return [replace(song, name=f"{prefix}/{song.name}", whole=False) for song in tracks]


def refuse_equal_names(tracks: Sequence[TrackFiles]) -> None:
    """Check that a split and a name identify one track.

    Raises:
        InputError: They identify two.
    """
    seen: dict[tuple[str, str], TrackFiles] = {}
    for song in tracks:
        other = seen.setdefault((song.split, song.name), song)
        if other is not song:
            raise InputError(f"{other.path} and {song.path} are both called {song.name}; rename one of them.")


def _no_tracks(folders: Sequence[Path], kind: TrackKind) -> str:
    """Write the message for splits without a track of this kind.

    It mentions tracks of the other kind.
    """
    expected = f"Expected {_DESCRIPTIONS[kind]} in {folders[0]}"
    other: TrackKind = "folders" if kind == "stem_mp4" else "stem_mp4"
    if kind != "any" and any(list_tracks(folder, "", other) for folder in folders):
        return f"{expected}, but found {_DESCRIPTIONS[other]}; choose {_CONFIGS[other]}, or another data.root."
    return f"{expected}, but found {describe_entries(folders[0])}; {ROOT_REMEDY}, with songs in them."
