"""Records of skipped optimiser steps: ``faults.jsonl`` and ``faults.txt``."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.invocation import as_called
from bsroformer.safe_files import CONFIGURATION, RECORDS, parse_json, read_bytes
from bsroformer.text import listed

MAX_EXCERPTS_SHOWN = 8
"""Excerpts in a warning; ``faults.jsonl`` has all of them."""
MAX_EXCERPTS_IN_REPORT = 40
"""Excerpts in the report, the most frequent ones."""
REPORT = """\
{count} steps had a loss or gradient that was NaN or infinite: {steps}

Excerpts whose own loss was NaN or infinite, each computed with the weights of that moment:
{excerpts}

Likely causes, and what to try:
  a learning rate that is too high, if every excerpt of a step is at fault and the next step's too:
    lower optimizer.lr, or raise scheduler.warmup_steps, and start from the best weights with init_from
  too little range or precision: trainer.precision=32-true
  songs that are damaged or very loud, if single excerpts are at fault: bsroformer prepare check
  an augmentation of theirs: augment=none

faults.jsonl has the loss and its terms in each of these steps.
"""
NO_EXCERPTS = "  none; the gradient was at fault, or the excerpts have no keys"


@dataclass(frozen=True)
class Fault:
    """A skipped step as one rank recorded it: a line of ``faults.jsonl``.

    Attributes:
        step: Its number, from 1.
        rank: The rank of the process.
        gradient_norm: Over all ranks, before clipping.
        losses: Loss and terms of each of its batches on this rank.
        seed: Seed of the excerpts; None if they have no keys.
        excerpts: (epoch, number) of those at fault or, if none is at fault on its own, of all.
        at_fault: Whether the loss of each of these excerpts is not finite on its own.
    """

    step: int
    rank: int
    gradient_norm: float
    losses: Sequence[dict[str, float]]
    seed: int | None
    excerpts: Sequence[tuple[int, int]]
    at_fault: bool

    def to_json(self) -> str:
        """Convert to one line of JSON, with NaN and infinity as strings."""
        tree = asdict(self)
        tree["gradient_norm"] = _json_number(self.gradient_norm)
        for terms in tree["losses"]:
            for name, value in terms.items():
                terms[name] = _json_number(value)
        return json.dumps(tree)

    def names(self) -> list[str]:
        """The excerpts as a warning shows them."""
        return [f"(seed {self.seed}, epoch {epoch}, number {number})" for epoch, number in self.excerpts]


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def ranks_at_fault(faults: Sequence[Fault]) -> list[Fault]:
    """The records with excerpts at fault; all of them if there is no such record."""
    found = [fault for fault in faults if fault.at_fault]
    return found or list(faults)


def describe_step(faults: Sequence[Fault], lines: Path) -> str:
    """Describe a skipped step in one line.

    Args:
        faults: Its records of all ranks.
        lines: The file of all records.
    """
    step = faults[0].step
    norm = faults[0].gradient_norm
    names = [name for fault in faults for name in fault.names()]
    named = listed(names, MAX_EXCERPTS_SHOWN)
    if not named:
        which = "its excerpts have no keys"
    elif faults[0].at_fault:
        which = f"at fault: {named}"
    else:
        which = f"no excerpt is at fault on its own; it had {named}"
    return f"Skipped step {step}, whose gradient norm is {norm}; {which}. See {lines}"


def report(lines: Sequence[dict[str, Any]], steps: Sequence[int]) -> str:
    """Describe the skipped steps that ended a training.

    Args:
        lines: The lines of ``faults.jsonl``.
        steps: Numbers of these steps.
    """
    counts: Counter[tuple[int, int, int]] = Counter()
    for line in lines:
        if line["step"] in steps and line["at_fault"]:
            counts.update((line["seed"], epoch, number) for epoch, number in line["excerpts"])
    rows = []
    for (seed, epoch, number), count in counts.most_common(MAX_EXCERPTS_IN_REPORT):
        rows.append(f"  seed {seed}, epoch {epoch}, number {number}: {count} time(s)")
    return as_called(REPORT).format(
        count=len(steps),
        steps=", ".join(map(str, steps)),
        excerpts="\n".join(rows) or NO_EXCERPTS,
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the valid lines of a ``faults.jsonl``.

    Raises:
        InputError: If the file cannot be read.
    """
    return read_whole_lines(path)[0]


def read_whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Read the valid lines of a ``faults.jsonl``, and count the others.

    Raises:
        InputError: If the file cannot be read.
    """
    found: list[dict[str, Any]] = []
    text = read_bytes(path, RECORDS).decode("utf-8", errors="replace")
    lines = text.replace("\0", "").splitlines()
    for line in lines:
        with suppress(InputError):
            fault = parse_json(line, path, CONFIGURATION)
            if is_fault(fault):
                found.append(fault)
    return found, len(lines) - len(found)


def is_fault(line: Any) -> bool:
    """Return whether a line of ``faults.jsonl`` has the report's entries."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return False
    seed = line.get("seed")
    excerpts = line.get("excerpts")
    has_seed = seed is None or type(seed) is int
    has_excerpts = isinstance(excerpts, list) and all(_is_key(key) for key in excerpts)
    return has_seed and has_excerpts and isinstance(line.get("at_fault"), bool)


def _is_key(key: Any) -> bool:
    """Return whether this is the epoch and number of an excerpt."""
    if not isinstance(key, list) or len(key) != 2:
        return False
    return all(type(number) is int for number in key)
