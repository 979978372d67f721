"""Names near to a mistyped one."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from bsroformer.text import listed

MAX_SUGGESTIONS = 3
MAX_CHOICES = 12
CUTOFF = 0.6
"""Similarity below which a name is not suggested."""
MARGIN = 0.1
"""How much less similar than the best one another suggestion may be."""
WHOLE = 0.2
"""Advantage of a name that is similar as a whole over one whose last part is."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names nearest to `name`, the most similar first.

    A dotted key is near if it is similar as a whole, or if its last part is: ``lr`` is near to ``optimizer.lr``.
    """
    scores = {each: _similarity(name.lower(), each.lower()) for each in known}
    best = max(scores.values(), default=0.0)
    near = [each for each, score in scores.items() if score >= max(CUTOFF, best - MARGIN)]
    return sorted(near, key=lambda each: -scores[each])[:MAX_SUGGESTIONS]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Ask for the nearest names; None if there are none."""
    names = nearest(name, known)
    if not names:
        return None
    return f"did you mean {' or '.join(names)}?"


def one_of(choices: Iterable[str]) -> str:
    """List the names to choose from."""
    return listed(list(choices), MAX_CHOICES)


def wrong_choice(group: str, choice: object, options: Sequence[str]) -> str:
    """Describe a choice that its group does not have."""
    suggestion = did_you_mean(str(choice), options)
    advice = f"; {suggestion}" if suggestion else ""
    return f"{group}={choice} must be one of {one_of(options)}{advice}"


def _similarity(name: str, other: str) -> float:
    whole = SequenceMatcher(None, name, other).ratio()
    if whole >= CUTOFF:
        whole += WHOLE
    last_part = name.rpartition(".")[2]
    other_last_part = other.rpartition(".")[2]
    last = SequenceMatcher(None, last_part, other_last_part).ratio()
    return max(whole, last)
