"""Check a data set, and report its faults."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.console import music_progress, stopping_on_sigterm, task_progress
from bsroformer.cli.exit_status import EXIT_FAILED
from bsroformer.data.doctor import (
    Finding,
    Requirements,
    Severity,
    TrackFacts,
    amounts,
    comparison_work,
    examine_tracks,
    judge,
    stated_seconds,
    write_check,
)
from bsroformer.data.layouts import SPLITS, TrackFiles, TrackFormat
from bsroformer.parallel import processors
from bsroformer.text import clock, count

MAX_ROWS = 40
STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "remark": ""}


def check(cfg: PrepareConfig, console: Console) -> int:
    """Read every song, print its faults, and write ``check.json``.

    Returns:
        The exit status: 1 if training would refuse the data set or its scores would be meaningless.

    Raises:
        InputError: If the data set has no songs, or a setting is unknown.
    """
    path = cfg.output / "check.json"
    source = cfg.data.source.build()
    source.make()
    songs = _examined(source.files(), source.form, cfg.workers or processors(), console)
    findings = _judged(songs, Requirements(source.form, cfg.data.seconds, cfg.mend), console)
    write_check(songs, findings, source.form.stems, path)
    rows = table_rows(findings)
    if findings:
        console.print(findings_table(rows))
    for line in summary(songs, findings, source.form.stems):
        console.print(line)
    hidden = len(rows) - MAX_ROWS
    more = f"{count(hidden, 'more row')} and " if hidden > 0 else ""
    console.print(f"{more}the measurements of every stem are in {path}")
    has_errors = any(finding.severity == "error" for finding in findings)
    return EXIT_FAILED if has_errors else 0


def _examined(files: Sequence[TrackFiles], form: TrackFormat, workers: int, console: Console) -> list[TrackFacts]:
    """Read every song, with a progress bar."""
    with console.status(f"inspecting {count(len(files), 'song')}"):
        seconds = [stated_seconds(song, form) for song in files]
    songs = []
    with music_progress(console) as progress, stopping_on_sigterm():
        task = progress.add_task("reading", total=sum(seconds))
        for facts, length in zip(examine_tracks(files, form, workers), seconds, strict=True):
            progress.advance(task, length)
            songs.append(facts)
    return songs


def _judged(songs: Sequence[TrackFacts], demands: Requirements, console: Console) -> list[Finding]:
    """Find faults, with a progress bar: each stem is compared with each other."""
    with task_progress(console) as progress, stopping_on_sigterm():
        task = progress.add_task("searching for duplicates", total=comparison_work(songs))
        return judge(songs, demands, lambda work: progress.advance(task, work))


def table_rows(findings: Sequence[Finding]) -> list[Finding]:
    """Join findings of one kind in several stems of a song."""
    groups = groupby(findings, lambda each: (each.severity, each.split, each.song, each.kind, each.training))
    return [_joined(list(group)) for _, group in groups]


def _joined(findings: Sequence[Finding]) -> Finding:
    by_text: dict[str, list[str]] = {}  # the stems of each text
    for finding in findings:
        by_text.setdefault(finding.found, []).extend(finding.stems)
    has_one_list = len(set(map(tuple, by_text.values()))) == 1  # as of a song with several duplicates
    texts = []
    for text, stems in by_text.items():
        texts.append(text if has_one_list or not stems else f"{', '.join(stems)}: {text}")
    all_stems = dict.fromkeys(chain.from_iterable(finding.stems for finding in findings))
    return replace(findings[0], found="; ".join(texts), stems=tuple(all_stems))


def findings_table(rows: Sequence[Finding]) -> Table:
    """Build a table of the first findings."""
    table = Table("", "song", "stem", "finding", "training", show_lines=True)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows[:MAX_ROWS]:
        severity = Text(row.severity, STYLES[row.severity])
        song = f"{row.split}/{row.song}" if row.song else row.split
        found = Text.assemble((f"{row.kind}: ", "bold"), row.found)
        table.add_row(severity, Text(song), Text("\n".join(row.stems)), found, Text(row.training))
    return table


def summary(songs: Sequence[TrackFacts], findings: Sequence[Finding], stems: Sequence[str]) -> list[str]:
    """Summarise each split in a line, and its stems in another where they do not have all of it."""
    lines = []
    of_stems = amounts(songs, stems)
    for split in SPLITS:
        of_split = [facts for facts in songs if facts.song.split == split]
        counts = Counter(finding.severity for finding in findings if finding.split == split)
        if of_split or counts:
            severities = ", ".join(count(counts[name], name) for name in STYLES if counts[name])
            length = clock(sum(facts.seconds for facts in of_split))
            lines.append(f"{split}: {count(len(of_split), 'song')}, {length}: {severities or 'no findings'}")
        known = of_stems.get(split, {})
        if any(amount.songs < len(of_split) for amount in known.values()):
            phrases = [f"{stem} {clock(amount.seconds)} in {amount.songs}" for stem, amount in known.items()]
            lines.append(f"{split} has of stems: {', '.join(phrases)}")
    return lines
