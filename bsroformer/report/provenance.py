"""Provenance of a run or an evaluation as lines of a table, from untrusted facts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bsroformer.text import clock

Tree = Mapping[str, Any]
Fact = tuple[str, str]
LIBRARIES = {"torch": "PyTorch", "lightning": "Lightning", "cuda": "CUDA", "python": "Python"}
"""Keys of versions, and their names."""
GIT_KEYS = ("commit", "branch", "patch", "dirty")
KNOWN_KEYS = (
    *("command", "overrides", "started", "ended", "end", "step", "device", "devices", "precision", "parameters"),
    *("model_hash", "bsroformer", "platform", "git", "tags", "choices", "resumed_from", "methods", *LIBRARIES),
)
"""Keys with a line of their own, or in one."""


def text(value: Any) -> str:
    """Format any value."""
    if isinstance(value, list):
        return ", ".join(map(text, value))
    return str(value)


def whole_number(value: Any) -> int:
    """Convert a number to an integer, and anything else to 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if is_number else 0


def starts_of(facts: Tree) -> list[dict[str, Any]]:
    """List the starts of a run in ``run.json``."""
    starts = facts.get("starts")
    if not isinstance(starts, list):
        return []
    return [start for start in starts if isinstance(start, dict)]


def latest_start(facts: Tree) -> dict[str, Any]:
    """Return the latest start of a run; empty without one."""
    starts = starts_of(facts)
    return starts[-1] if starts else {}


def time_of(facts: Tree, key: str) -> datetime | None:
    """Parse a time in ISO 8601, in UTC; None if it is missing or invalid."""
    try:
        time = datetime.fromisoformat(text(facts[key]))
        if time.tzinfo is None:
            time = time.replace(tzinfo=timezone.utc)
        return time.astimezone(timezone.utc)
    except (KeyError, ValueError, OverflowError):
        return None


def moment(facts: Tree) -> str:
    """Format the time of a start, to the minute; empty if unknown."""
    time = time_of(facts, "started")
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def made_with(facts: Tree) -> list[Fact]:
    """List the facts of one start: command, time, device, program and others."""
    lines = {
        "command": text(facts.get("command") or ""),
        "started": _period(facts),
        "end": _end(facts),
        "resumed from": text(facts.get("resumed_from") or ""),
        "device": _device(facts),
        "model": _model(facts),
        "configs": _pairs(facts.get("choices")),
        "tags": text(facts.get("tags") or ""),
        "program": _program(facts),
        "libraries": _libraries(facts),
        "system": text(facts.get("platform") or ""),
    }
    for name, method in _mapping(facts.get("methods")).items():
        lines[str(name)] = _pairs(method)
    others = {key: value for key, value in facts.items() if key not in KNOWN_KEYS}
    return [(name, value) for name, value in (*lines.items(), *leaves(others)) if value]


def leaves(tree: Tree, above: Sequence[str] = ()) -> Iterator[Fact]:
    """Yield the leaves of a tree by their keys: ``git.commit`` is ``git commit``."""
    for key, value in tree.items():
        path = (*above, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from leaves(value, path)
        elif value is not None:
            yield " ".join(path), text(value)


def _mapping(value: Any) -> Tree:
    return value if isinstance(value, Mapping) else {}


def _pairs(value: Any) -> str:
    """Format a mapping in a line."""
    return " · ".join(f"{name} {leaf}" for name, leaf in leaves(_mapping(value)))


def _period(facts: Tree) -> str:
    started = time_of(facts, "started")
    ended = time_of(facts, "ended")
    if started is None:
        return text(facts.get("started") or "")
    words = f"{started:%Y-%m-%d %H:%M} UTC"
    if ended is None or ended < started:
        return words
    return f"{words}, for {clock((ended - started).total_seconds())}"


def _end(facts: Tree) -> str:
    step = whole_number(facts.get("step"))
    parts = (text(facts.get("end") or ""), f"at step {step:,}" if step else "")
    return " ".join(filter(None, parts))


def _device(facts: Tree) -> str:
    device = text(facts.get("device") or "")
    devices = whole_number(facts.get("devices"))
    precision = text(facts.get("precision") or "")
    if devices > 1:
        device = f"{devices} × {device}"
    return " · ".join(filter(None, (device, precision)))


def _model(facts: Tree) -> str:
    count = whole_number(facts.get("parameters"))
    digest = text(facts.get("model_hash") or "")
    parts = f"{count:,} parameters" if count else "", f"settings {digest[:12]}" if digest else ""
    return " · ".join(filter(None, parts))


def _program(facts: Tree) -> str:
    git = facts.get("git")
    version = text(facts.get("bsroformer") or "")
    parts = [f"bsroformer {version}" if version else ""]
    if isinstance(git, Mapping):
        commit = text(git.get("commit") or "")
        branch = text(git.get("branch") or "")
        parts += [f"commit {commit[:12]}" if commit else "", f"branch {branch}" if branch else ""]
        parts.append(_changes(git))
        others = {key: value for key, value in git.items() if key not in GIT_KEYS}
        parts += [f"{key} {value}" for key, value in leaves(others)]
    return " · ".join(filter(None, parts))


def _changes(git: Tree) -> str:
    patch = text(git.get("patch") or "")
    if patch:
        return f"with changes that are in {patch}"
    return "with changes" if git.get("dirty") else ""


def _libraries(facts: Tree) -> str:
    versions = ((name, facts.get(key)) for key, name in LIBRARIES.items())
    return " · ".join(f"{name} {text(version)}" for name, version in versions if version)
