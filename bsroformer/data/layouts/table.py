"""A table of files: a CSV with a row for each.

::

    split,song,stem,path
    train,Falcon 69,vocals,stems/falcon vocals.wav
    train,,drums,/loops/120 bpm.flac

``stem`` and ``path`` are needed; paths are relative to the table's folder. Rows with one ``song`` belong together,
a row without one is a clip of its own. Without ``split`` all is ``train``. ``instrum`` may stand for ``stem``.
"""

import codecs
import csv
from pathlib import Path

from bsroformer.data.layouts.track_files import SPLITS, StemFile, TrackFiles
from bsroformer.errors import InputError
from bsroformer.file_names import existing, normal

Row = dict[str, str]
DELIMITERS = ",;\t"
"""Semicolons are what spreadsheets write where the comma is the decimal point."""


def list_table(table: Path) -> list[TrackFiles]:
    """The songs and clips of a table, in the order in which they come in it.

    Raises:
        InputError: There is no such table, or it cannot be read; a column or a value is missing or unknown; or a song
            has a stem twice.
    """
    songs: dict[tuple[str, str], TrackFiles] = {}
    for number, row in _rows(table):
        split, song, stem, path = _checked(table, number, row)
        name = song or f"{stem}/{row['path']}"
        if (split, name) not in songs:
            songs[split, name] = TrackFiles(name, split, path.parent if song else path, {}, whole=bool(song))
        stems = dict(songs[split, name].stems)
        if stem in stems:
            raise InputError(f"{table}, row {number}: {name} has {stem} twice: remove one, or name another song.")
        stems[stem] = StemFile(path)
        songs[split, name] = TrackFiles(name, split, songs[split, name].path, stems, whole=bool(song))
    if not songs:
        raise InputError(f"{table} has no rows: list a stem and a path in each.")
    return list(songs.values())


def _rows(table: Path) -> list[tuple[int, Row]]:
    """List the rows that hold anything, with their numbers as an editor counts lines."""
    try:
        with table.open(encoding=_encoding(table), newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            rows = [(reader.line_num, _named(table, reader.line_num, row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read as a table ({error}): give a CSV file in UTF-8 or UTF-16.") from error
    if twice := [name for name in set(names) if names.count(name) > 1]:
        raise InputError(f"{table} has the column {twice[0]} twice: remove one of them.")
    lacking = [name for name in ("stem", "path") if name not in names and (name != "stem" or "instrum" not in names)]
    if lacking:
        raise InputError(
            f"{table} lacks the column {' and '.join(lacking)}: its first line must name stem and path, and may name "
            "song and split, separated by commas, semicolons or tabs."
        )
    return [(number, row) for number, row in rows if any(row.values())]


def _encoding(table: Path) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so, as spreadsheets write it."""
    with table.open("rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _delimiter(header: str) -> str:
    """The separator of the columns: the one of comma, semicolon and tab that the header has most of."""
    return max(DELIMITERS, key=header.count)


def _named(table: Path, number: int, row: dict[str | None, str | list[str] | None]) -> Row:
    """A row's values by column.

    Raises:
        InputError: It has more values than there are columns.
    """
    if None in row:
        raise InputError(f"{table}, row {number} has more values than columns: put a path with a comma in quotes.")
    return {str(name).strip().lower(): str(value or "").strip() for name, value in row.items()}


def _checked(table: Path, number: int, row: Row) -> tuple[str, str, str, Path]:
    """Split, song, stem and path of a row."""
    split, stem = row.get("split") or "train", row.get("stem") or row.get("instrum") or ""
    if not stem or not row["path"]:
        raise InputError(f"{table}, row {number}: stem or path is empty: fill in both, or remove the row.")
    if split not in SPLITS:
        raise InputError(f"{table}, row {number}: split is {split}: write {', '.join(SPLITS)}, or nothing for train.")
    if split != "train" and not row.get("song"):
        raise InputError(f"{table}, row {number}: only train takes clips: name the song that this {stem} is of.")
    try:
        path = existing(table.parent / Path(row["path"]).expanduser())
    except (OSError, RuntimeError, ValueError) as error:  # too long, of an unknown user, or with a zero byte
        raise InputError(f"{table}, row {number}: {row['path']!r} is no path ({error}): correct it.") from error
    return split, normal(row.get("song", "")), normal(stem), path
