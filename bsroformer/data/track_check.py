"""Check by their headers that the files of a track exist and fit together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bsroformer.audio.files import AudioInfo, measured, probe_streams
from bsroformer.data.layouts import MIXTURE, REST, UNKNOWN, TrackFiles, TrackFormat
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.text import count


class FormatMismatch(NamedTuple):
    """A property of a stem that prevents its use as it is."""

    kind: str
    """``rate``, ``channels``, ``length`` (unlike the other stems') or ``empty``."""
    stem: str
    found: str
    """The property, as a phrase."""


def open_sources(song: TrackFiles, form: TrackFormat, silence: bool = False) -> dict[str, AudioInfo]:
    """Read the headers of the requested stems, and of the mixture.

    Args:
        song: Files of the track.
        form: Names of the stems.
        silence: Accept missing stems, which are silent.

    Raises:
        InputError: A stem is missing, duplicate, or unreadable.
    """
    if song.faults:
        raise InputError(song.faults[0])
    renamed = song.case_mismatches(form.stems)
    if renamed:
        phrases = [f"{found} instead of {stem}" for stem, found in renamed.items()]
        raise InputError(f"{song.path} has {', '.join(phrases)}; rename it, or change data.stems.")
    _check_missing(song, form, silence)
    requested = [name for name in (MIXTURE, *song.stems_among(form.stems)) if name in song.stems]
    wanted = {name: song.stems[name] for name in (*requested, *song.parts(requested))}
    streams = {file.path: probe_streams(file.path) for file in wanted.values()}
    for path, found in streams.items():
        last = max(file.stream for file in song.stems.values() if file.path == path)
        if len(found) <= last:
            raise InputError(
                f"{path} has {count(len(found), 'audio stream')} where MUSDB18 has {len(song.stems)} "
                f"({', '.join(song.stems)}); replace or remove it."
            )
    return {name: measured(streams[file.path][file.stream]) for name, file in wanted.items()}


def _check_missing(song: TrackFiles, form: TrackFormat, silence: bool) -> None:
    missing = song.missing_stems(form.stems)
    needed = song.whole and not silence and UNKNOWN not in song.stems
    if len(missing) == len(form.stems) or (missing and needed):
        raise InputError(
            f"{song.path} has {', '.join(song.stems) or 'no stems'} but lacks {', '.join(missing)}; add the "
            f"missing stems, remove the song, {_remedy_for_missing(song, form)}."
        )


def _remedy_for_missing(song: TrackFiles, form: TrackFormat) -> str:
    """Suggest what to do about missing stems.

    A mixture contains them, and without one they may be silent.
    """
    present = [stem for stem in form.stems if stem in song.stems]
    if not present:
        return "or change data.stems"
    if MIXTURE in song.stems:
        rest = f"data.stems=[{','.join(present)},{REST}]"
        return f"train on what else its mixture holds as one stem, {rest}, or set data.missing=unknown"
    if song.split == "test":
        return "change data.stems"
    return "change data.stems, or if they are silent, set data.missing=silent"


def find_mismatches(sources: Mapping[str, AudioInfo], form: TrackFormat) -> list[FormatMismatch]:
    """List the mismatches that prevent the use of a track's streams together."""
    mismatches = []
    for name, info in sources.items():
        if info.sample_rate != form.sample_rate:
            mismatches.append(FormatMismatch("rate", name, f"{info.sample_rate} Hz in {name}"))
        if info.channels != form.channels:
            mismatches.append(FormatMismatch("channels", name, f"{count(info.channels, 'channel')} in {name}"))
        if info.frames is None:
            mismatches.append(FormatMismatch("empty", name, f"no stated length in {name}"))
        if info.frames == 0:
            mismatches.append(FormatMismatch("empty", name, f"no samples in {name}"))
    if _lengths_differ(sources):
        for name, info in sources.items():
            if info.frames:
                mismatches.append(FormatMismatch("length", name, f"{info.frames} samples in {name}"))
    return mismatches


def expected(mismatch: FormatMismatch, song: TrackFiles) -> bool:
    """Check for a mismatch that is usual in the track's data set."""
    return song.uneven and mismatch.kind == "length"


def _lengths_differ(sources: Mapping[str, AudioInfo]) -> bool:
    """Check for files of different lengths.

    Streams of one file may differ, and a change of rate rounds a length.
    """
    if len({info.path for info in sources.values()}) <= 1:
        return False
    seconds = [(info.frames or 0) / info.sample_rate for info in sources.values()]
    rates = {info.sample_rate for info in sources.values()}
    tolerance = 0 if len(rates) == 1 else 1.5 / min(rates)
    return max(seconds) - min(seconds) > tolerance


def describe_mismatches(song: TrackFiles, form: TrackFormat, mismatches: Sequence[FormatMismatch]) -> str:
    """Write the message for a track whose files do not fit together."""
    kinds = sorted({mismatch.kind for mismatch in mismatches})
    repairable = "empty" not in kinds and song.split != "test"
    repair = f", or pack them with {command_line('prepare')} mend=[{','.join(kinds)}]" if repairable else ""
    found = ", ".join(mismatch.found for mismatch in mismatches)
    return (
        f"{song.path} should have {form.sample_rate} Hz, {count(form.channels, 'channel')} and one length in every "
        f"stem, but has {found}; convert or export these again{repair}."
    )
