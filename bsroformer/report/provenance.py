"""What a run or an evaluation was made with, as lines of a table: from facts that may come from another person."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bsroformer.text import clock

Tree = Mapping[str, Any]
Fact = tuple[str, str]
LIBRARIES = {"torch": "PyTorch", "lightning": "Lightning", "cuda": "CUDA", "python": "Python"}
"""Entries of the facts that are versions, and how they are written."""
GIT = ("commit", "branch", "patch", "dirty")
USED = (
    *("command", "overrides", "started", "ended", "end", "step", "device", "devices", "precision", "parameters"),
    *("model_hash", "bsroformer", "platform", "git", "tags", "choices", "resumed_from", "methods", *LIBRARIES),
)
"""Entries that have a line of their own, or are part of one."""


def text(value: Any) -> str:
    """A value in words."""
    if isinstance(value, list):
        return ", ".join(map(text, value))
    return str(value)


def whole_number(value: Any) -> int:
    """A value as a whole number, 0 for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if is_number else 0


def starts_of(facts: Tree) -> list[dict[str, Any]]:
    """The starts of a run, as ``run.json`` lists them."""
    starts = facts.get("starts")
    return [start for start in starts if isinstance(start, dict)] if isinstance(starts, list) else []


def latest_start(facts: Tree) -> dict[str, Any]:
    """The latest start of a run; empty if there is none."""
    starts = starts_of(facts)
    return starts[-1] if starts else {}


def time_of(facts: Tree, key: str) -> datetime | None:
    """A time that is written in ISO 8601, in UTC."""
    try:
        time = datetime.fromisoformat(text(facts[key]))
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (KeyError, ValueError, OverflowError):
        return None


def moment(facts: Tree) -> str:
    """When something was started, to the minute; empty if that is unknown."""
    time = time_of(facts, "started")
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def made_with(facts: Tree) -> list[Fact]:
    """The facts of one start: what was called, when, on what, with which program; and whatever else there is."""
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
    rest = {key: value for key, value in facts.items() if key not in USED}
    return [(name, value) for name, value in (*lines.items(), *leaves(rest)) if value]


def leaves(tree: Tree, above: Sequence[str] = ()) -> Iterator[Fact]:
    """The leaves of a tree, each with its keys in words: ``git.commit`` is ``git commit``."""
    for key, value in tree.items():
        path = (*above, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from leaves(value, path)
        elif value is not None:
            yield " ".join(path), text(value)


def _mapping(value: Any) -> Tree:
    return value if isinstance(value, Mapping) else {}


def _pairs(value: Any) -> str:
    """A mapping in a line."""
    return " · ".join(f"{name} {found}" for name, found in leaves(_mapping(value)))


def _period(facts: Tree) -> str:
    started, ended = time_of(facts, "started"), time_of(facts, "ended")
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
    device, devices = text(facts.get("device") or ""), whole_number(facts.get("devices"))
    precision = text(facts.get("precision") or "")
    return " · ".join(filter(None, (f"{devices} × {device}" if devices > 1 else device, precision)))


def _model(facts: Tree) -> str:
    count, digest = whole_number(facts.get("parameters")), text(facts.get("model_hash") or "")
    parts = f"{count:,} parameters" if count else "", f"settings {digest[:12]}" if digest else ""
    return " · ".join(filter(None, parts))


def _program(facts: Tree) -> str:
    git, version = facts.get("git"), text(facts.get("bsroformer") or "")
    parts = [f"bsroformer {version}" if version else ""]
    if isinstance(git, Mapping):
        commit, branch, patch = (text(git.get(key) or "") for key in ("commit", "branch", "patch"))
        parts += [f"commit {commit[:12]}" if commit else "", f"branch {branch}" if branch else ""]
        changed = f"with changes that are in {patch}" if patch else "with changes" if git.get("dirty") else ""
        parts.append(changed)
        others = {key: value for key, value in git.items() if key not in GIT}
        parts += [f"{key} {value}" for key, value in leaves(others)]
    return " · ".join(filter(None, parts))


def _libraries(facts: Tree) -> str:
    versions = ((name, facts.get(key)) for key, name in LIBRARIES.items())
    return " · ".join(f"{name} {text(version)}" for name, version in versions if version)
