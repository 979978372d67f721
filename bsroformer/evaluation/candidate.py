"""Candidates to evaluate, and their resolution to methods and common stems."""

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
from bsroformer.text import listed

MIXTURE = "mixture"
BOUNDS = (MIXTURE, "IRM2")
"""Default floor and ceiling."""
MAX_STEMS_NAMED = 6
"""Ignored stems that a warning lists."""


@dataclass(frozen=True)
class Candidate:
    """A separator or folder to evaluate.

    Attributes:
        source: A separator, or a folder with stems from any program.
        settings: Cache key of a separator's weights and settings, see `Separated`. A folder needs none.
    """

    source: StreamSeparator | Path
    settings: str | None = None

    def stems(self, tracks: Sequence[TrackEntry]) -> Sequence[str]:
        """Return the names of its stems for these tracks."""
        if isinstance(self.source, StreamSeparator):
            return self.source.stems
        return EstimatesFolder.stems_in(self.source, tracks)

    def method(self, name: str, names: Mapping[str, str]) -> Method:
        """Create a method; `names` maps the stems to the candidate's own names."""
        if isinstance(self.source, StreamSeparator):
            return Separated(name, self.source, names, self.settings)
        return EstimatesFolder(name, self.source, names)


@dataclass(frozen=True)
class ResolvedMethods:
    """Methods in the order of tables, and the stems to score."""

    methods: tuple[Method, ...]
    stems: tuple[str, ...]


def resolve_methods(
    candidates: Mapping[str, Candidate],
    tracks: Sequence[TrackEntry],
    stems: Sequence[str] | None = None,
    bounds: Sequence[str] = BOUNDS,
) -> ResolvedMethods:
    """Find the stems to score, and list the floor, the candidates and the ceilings.

    Args:
        candidates: Candidates by name.
        tracks: The tracks.
        stems: Stems to score; by default all that the candidates have in common.
        bounds: ``mixture`` and names of oracles, or none.

    Raises:
        InputError: If there are no tracks, names clash or are unknown, a separator has another rate than the tracks, or
            the candidates have no stem in common.
    """
    if not tracks:
        raise InputError("There is no song to evaluate; check the data folder and the split.")
    first = tracks[0]
    own = {name: candidate.stems(tracks) for name, candidate in candidates.items()}
    for name, candidate in candidates.items():
        check_name(name)
        _check_rate(name, candidate, first.sample_rate)
    chosen = common_stems(own, first.stems, stems)
    _warn_of_unmatched(own, first.stems)
    bounds = list(dict.fromkeys(bounds))
    _check_bounds(bounds)
    floor = [Mixture()] if MIXTURE in bounds else []
    methods = [candidate.method(name, matched(own[name], first.stems)) for name, candidate in candidates.items()]
    ceilings = [oracle(bound) for bound in bounds if bound != MIXTURE]
    return ResolvedMethods((*floor, *methods, *ceilings), tuple(chosen))


def _check_bounds(bounds: Sequence[str]) -> None:
    choices = (MIXTURE, *ORACLES)
    unknown = [str(bound) for bound in bounds if bound not in choices]
    if unknown:
        raise InputError(f"bounds names {', '.join(unknown)}; choose from {', '.join(choices)}.")


def _warn_of_unmatched(own: Mapping[str, Sequence[str]], track_stems: Sequence[str]) -> None:
    """Warn of stems of candidates that no stem of the tracks corresponds to."""
    for name, stems in own.items():
        ignored = unmatched(stems, track_stems)
        if ignored:
            warnings.warn(
                f"{name}: {listed(ignored, MAX_STEMS_NAMED)} cannot be compared with the songs' "
                f"{', '.join(track_stems)} and will not be scored",
                stacklevel=2,
            )


def check_name(name: str) -> None:
    """Check that a name is legal for a folder, and not that of a bound.

    Raises:
        InputError: If not.
    """
    if name in (MIXTURE, *ORACLES):
        raise InputError(f"{name} is the name of a bound; rename the model or folder.")
    if not is_legal(name):
        raise InputError(f"{name!r} cannot be the name of a folder; rename the model or folder.")


def _check_rate(name: str, candidate: Candidate, sample_rate: int) -> None:
    if not isinstance(candidate.source, StreamSeparator):
        return
    rate = candidate.source.sample_rate
    if rate != sample_rate:
        raise InputError(
            f"{name} separates {rate} Hz, and the songs have {sample_rate}; resample them, or set "
            f"audio.sample_rate={rate} if they have that."
        )
