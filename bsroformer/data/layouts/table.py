"""A layout of a table: a CSV file that lists audio files.

::

    split,song,stem,path
    train,Falcon 69,vocals,stems/falcon vocals.wav
    train,,drums,/loops/120 bpm.flac

``stem`` and ``path`` are needed; paths are relative to the table's folder. Entries with the same ``song`` are one
track, an entry without one is a clip of its own. Without ``split`` all are ``train``. ``instrum`` may replace ``stem``.
The columns ``license`` and ``source`` are optional too.
"""

import codecs
import csv
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bsroformer.data.layouts.track_files import SPLITS, StemFile, TrackFiles
from bsroformer.data.song_terms import SongTerms, one_line, source_text
from bsroformer.errors import InputError
from bsroformer.file_names import existing, normal

DELIMITERS = ",;\t"
"""Semicolons are what spreadsheets write where the comma is the decimal point."""


class _Entry(NamedTuple):
    """One entry of a table, checked."""

    number: int
    """Its line, as an editor counts."""
    split: str
    song: str
    """Empty for a clip."""
    stem: str
    path: Path
    written: str
    """The path as written."""
    terms: SongTerms
    """Its licence and source."""


def list_table(table: Path) -> list[TrackFiles]:
    """List the tracks and clips of a table, in its order.

    Raises:
        InputError: The table is missing or cannot be read; a column or a value is missing or unknown; or a track has a
            stem twice.
    """
    tracks: dict[tuple[str, str], TrackFiles] = {}
    for entry in _entries(table):
        name = entry.song or f"{entry.stem}/{entry.written}"
        path = entry.path.parent if entry.song else entry.path
        new = TrackFiles(name, entry.split, path, {}, whole=bool(entry.song))
        song = tracks.get((entry.split, name), new)
        if entry.stem in song.stems:
            raise InputError(
                f"{table}, row {entry.number}: {name} has {entry.stem} twice; remove one, or name another song."
            )
        stems = {**song.stems, entry.stem: StemFile(entry.path)}
        tracks[entry.split, name] = replace(song, stems=stems, terms=_joined(song.terms, entry.terms))
    if not tracks:
        raise InputError(f"{table} has no rows; list a stem and a path in each.")
    return list(tracks.values())


def _joined(terms: SongTerms, others: SongTerms) -> SongTerms:
    """Join the terms of two stems of one track; different licences all hold."""
    license = _union(terms.license, others.license, " AND ")
    source = _union(terms.source, others.source, ", ")
    return SongTerms(license, source)


def _union(text: str | None, other: str | None, separator: str) -> str | None:
    parts = [part for each in (text, other) if each for part in each.split(separator)]
    return separator.join(dict.fromkeys(parts)) or None


def _entries(table: Path) -> list[_Entry]:
    """Read and check the entries that are not empty."""
    try:
        with table.open(encoding=_encoding(table), newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            numbered = [(reader.line_num, values) for values in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read as a table ({error}); give a CSV file in UTF-8 or UTF-16.") from error
    named = [(number, _by_column(table, number, values)) for number, values in numbered]
    _check_columns(table, columns)
    return [_checked(table, number, values) for number, values in named if any(values.values())]


def _encoding(table: Path) -> str:
    """Detect UTF-16 by its byte order mark, as spreadsheets write it; otherwise UTF-8."""
    with table.open("rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _delimiter(header: str) -> str:
    """Choose the separator of the columns: the one that the header has most of."""
    return max(DELIMITERS, key=header.count)


def _by_column(table: Path, number: int, values: dict[str | None, str | list[str] | None]) -> dict[str, str]:
    """Strip the names of columns and the values of an entry.

    Raises:
        InputError: It has more values than there are columns.
    """
    if None in values:
        raise InputError(f"{table}, row {number} has more values than columns; put a path with a comma in quotes.")
    return {str(name).strip().lower(): str(value or "").strip() for name, value in values.items()}


def _check_columns(table: Path, columns: list[str]) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise InputError(f"{table} has the column {name} twice; remove one of them.")
    lacking = []
    if "stem" not in columns and "instrum" not in columns:
        lacking.append("stem")
    if "path" not in columns:
        lacking.append("path")
    if lacking:
        raise InputError(
            f"{table} lacks the column {' and '.join(lacking)}; its first line must name stem and path, and may name "
            "song and split, separated by commas, semicolons or tabs."
        )


def _checked(table: Path, number: int, values: dict[str, str]) -> _Entry:
    """Check the values of an entry."""
    split = values.get("split") or "train"
    stem = values.get("stem") or values.get("instrum") or ""
    song = values.get("song", "")
    written = values["path"]
    if not stem or not written:
        raise InputError(f"{table}, row {number}: stem or path is empty; fill in both, or remove the row.")
    if split not in SPLITS:
        raise InputError(f"{table}, row {number}: split is {split}; write {', '.join(SPLITS)}, or nothing for train.")
    if split != "train" and not song:
        raise InputError(f"{table}, row {number}: only train takes clips; name the song that this {stem} is of.")
    try:
        path = existing(table.parent / Path(written).expanduser())
    except (OSError, RuntimeError, ValueError) as error:  # too long, of an unknown user, or with a zero byte
        raise InputError(f"{table}, row {number}: {written!r} cannot be a path ({error}); correct it.") from error
    terms = SongTerms(one_line(values.get("license", "")), source_text(one_line(values.get("source", ""))))
    return _Entry(number, split, normal(song), normal(stem), path, written, terms)
