"""Who is scored on what: from separators and folders to methods, their floor and ceiling, and the stems they share."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.evaluation.estimates import EstimatesFolder
from bsroformer.evaluation.methods import Method, Mixture, Separated
from bsroformer.evaluation.oracle import ORACLES, oracle
from bsroformer.evaluation.stem_names import common_stems, matched, unmatched
from bsroformer.evaluation.track_audio import TrackEntry
from bsroformer.file_names import is_legal
from bsroformer.inference import StreamSeparator

BOUNDS = ("mixture", "IRM2")
"""The floor and the ceiling, unless others are asked for."""
MAX_NAMED = 6
"""Ignored stems to name in a warning."""


@dataclass(frozen=True)
class Candidate:
    """What is to be evaluated.

    Attributes:
        source: A separator, or a folder of the stems that any program has made.
        settings: A word that stands for a separator's weights and settings; see `Separated`. A folder's are its files.
    """

    source: StreamSeparator | Path
    settings: str | None = None

    def stems(self, songs: Sequence[TrackEntry]) -> Sequence[str]:
        """Names of the stems that it has of these songs."""
        if isinstance(self.source, StreamSeparator):
            return self.source.stems
        return EstimatesFolder.stems_in(self.source, songs)

    def method(self, name: str, names: Mapping[str, str]) -> Method:
        """As a method, which gives the stems that `names` maps to its own names of them."""
        if isinstance(self.source, StreamSeparator):
            return Separated(name, self.source, names, self.settings)
        return EstimatesFolder(name, self.source, names)


@dataclass(frozen=True)
class ResolvedMethods:
    """Methods in the order of tables, and the stems that they are scored on."""

    methods: tuple[Method, ...]
    stems: tuple[str, ...]


def resolve_methods(
    candidates: Mapping[str, Candidate],
    songs: Sequence[TrackEntry],
    stems: Sequence[str] | None = None,
    bounds: Sequence[str] = BOUNDS,
) -> ResolvedMethods:
    """Find the stems to score, and put the floor before the candidates and the ceilings behind them.

    Args:
        candidates: What is to be evaluated, by name.
        songs: The songs.
        stems: Those to score; all that the candidates have in common unless given.
        bounds: ``mixture`` and names of oracles, or none.

    Raises:
        InputError: If there is no song, names clash or are unknown, a separator has another rate than the songs, or the
            candidates have no stem in common.
    """
    if not songs:
        raise InputError("There is no song to evaluate: check the data folder and the split.")
    first = songs[0]
    own = {name: candidate.stems(songs) for name, candidate in candidates.items()}
    for name, candidate in candidates.items():
        check_name(name)
        _check_rate(name, candidate, first.sample_rate)
    chosen = common_stems(own, first.stems, stems)
    _warn_of_unmatched(own, first.stems)
    bounds = list(dict.fromkeys(bounds))
    methods = [candidates[name].method(name, matched(own[name], first.stems)) for name in candidates]
    unknown = [bound for bound in bounds if bound not in ("mixture", *ORACLES)]
    if unknown:
        raise InputError(f"bounds names {', '.join(map(str, unknown))}: choose from mixture, {', '.join(ORACLES)}.")
    floor = [Mixture()] if "mixture" in bounds else []
    ceilings = [oracle(bound) for bound in bounds if bound != "mixture"]
    return ResolvedMethods((*floor, *methods, *ceilings), tuple(chosen))


def _warn_of_unmatched(own: Mapping[str, Sequence[str]], of_song: Sequence[str]) -> None:
    """Name the stems of candidates that are no stem of the songs, and so are not scored."""
    for name, stems in own.items():
        if ignored := unmatched(stems, of_song):
            listed = ", ".join(ignored[:MAX_NAMED]) + (", ..." if ignored[MAX_NAMED:] else "")
            warnings.warn(
                f"{name}: {listed} cannot be compared with the songs' {', '.join(of_song)} and will not be scored",
                stacklevel=2,
            )


def check_name(name: str) -> None:
    """Make sure that a name can be that of a folder, and is no bound's.

    Raises:
        InputError: If not.
    """
    if name in ("mixture", *ORACLES):
        raise InputError(f"{name} is the name of a bound: give what is evaluated another one.")
    if not is_legal(name):
        raise InputError(f"{name!r} cannot be the name of a folder: give what is evaluated another name.")


def _check_rate(name: str, candidate: Candidate, sample_rate: int) -> None:
    if isinstance(candidate.source, StreamSeparator) and candidate.source.sample_rate != sample_rate:
        raise InputError(
            f"{name} separates {candidate.source.sample_rate} Hz, and the songs have {sample_rate}: resample them, or "
            f"set audio.sample_rate={candidate.source.sample_rate} if they have that."
        )
