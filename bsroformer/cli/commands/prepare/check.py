"""Check a data set, and report its faults."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.console import clock, music_progress, stopping_on_sigterm
from bsroformer.data.doctor import (
    Finding,
    Requirements,
    Severity,
    TrackFacts,
    comparison_work,
    examine_tracks,
    judge,
    stated_seconds,
    write_check,
)
from bsroformer.data.layouts import SPLITS, TrackFiles, TrackFormat
from bsroformer.parallel import processors

ERRORS = 1  # the exit status of a data set with errors
MOST_ROWS = 40
STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "remark": ""}


def check(cfg: PrepareConfig, console: Console) -> int:
    """Read every song, print its faults, and write ``check.json``.

    Returns:
        The exit status: 1 if training would refuse the data set or its scores would mean nothing.

    Raises:
        InputError: There are no songs, or a setting is unknown.
    """
    path = cfg.output / "check.json"
    source = cfg.data.source.build()
    source.make()
    songs = _examined(source.files(), source.form, cfg.workers or processors(), console)
    findings = _judged(songs, Requirements(source.form, cfg.data.seconds, cfg.mend), console)
    write_check(songs, findings, path)
    rows = table_rows(findings)
    if findings:
        console.print(findings_table(rows))
    for line in summary(songs, findings):
        console.print(line)
    more = f"{len(rows) - MOST_ROWS} more rows and " if len(rows) > MOST_ROWS else ""
    console.print(f"{more}the figures of every stem are in {path}")
    return ERRORS if any(finding.severity == "error" for finding in findings) else 0


def _examined(files: Sequence[TrackFiles], form: TrackFormat, count: int, console: Console) -> list[TrackFacts]:
    """Read every song, with a progress bar."""
    with console.status(f"looking into {len(files)} songs"):
        seconds = [stated_seconds(song, form) for song in files]
    songs = []
    with music_progress(console) as progress, stopping_on_sigterm():
        task = progress.add_task("listening", total=sum(seconds))
        for facts, length in zip(examine_tracks(files, form, count), seconds, strict=True):
            progress.advance(task, length)
            songs.append(facts)
    return songs


def _judged(songs: Sequence[TrackFacts], demands: Requirements, console: Console) -> list[Finding]:
    """Find faults, with a progress bar: each stem is compared with each other."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress, stopping_on_sigterm():
        task = progress.add_task("looking for duplicates", total=comparison_work(songs))
        return judge(songs, demands, lambda work: progress.advance(task, work))


def table_rows(findings: Sequence[Finding]) -> list[Finding]:
    """Join findings of one kind in several stems of a song."""
    rows = []
    for _, alike in groupby(findings, lambda each: (each.severity, each.split, each.song, each.kind, each.training)):
        by_found: dict[str, list[str]] = {}  # stems that share what was found
        for finding in (joined := list(alike)):
            by_found.setdefault(finding.found, []).extend(finding.stems)
        one_list = len({tuple(stems) for stems in by_found.values()}) == 1  # as of a song with several twins
        told = "; ".join(
            found if one_list or not stems else f"{', '.join(stems)}: {found}" for found, stems in by_found.items()
        )
        stems = dict.fromkeys(stem for finding in joined for stem in finding.stems)
        rows.append(replace(joined[0], found=told, stems=tuple(stems)))
    return rows


def findings_table(rows: Sequence[Finding]) -> Table:
    """Build a table of the first findings."""
    table = Table("", "song", "stem", "found", "training", show_lines=True)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows[:MOST_ROWS]:
        severity = Text(row.severity, STYLES[row.severity])
        place = f"{row.split}/{row.song}" if row.song else row.split
        found = Text.assemble((f"{row.kind}: ", "bold"), row.found)
        table.add_row(severity, Text(place), Text("\n".join(row.stems)), found, Text(row.training))
    return table


def summary(songs: Sequence[TrackFacts], findings: Sequence[Finding]) -> list[str]:
    """Summarise each split in a line."""
    lines = []
    for split in SPLITS:
        of_split = [facts for facts in songs if facts.song.split == split]
        counts = Counter(finding.severity for finding in findings if finding.split == split)
        if of_split or counts:
            told = ", ".join(f"{counts[name]} {name}{'s' * (counts[name] != 1)}" for name in STYLES if counts[name])
            length = clock(sum(facts.seconds for facts in of_split))
            songs_told = f"{len(of_split)} song{'s' * (len(of_split) != 1)}"
            lines.append(f"{split}: {songs_told}, {length}: {told or 'nothing found'}")
    return lines
