"""Steps that were left out since a number in them was none: counted, written down, and not too many."""

import json
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from bsroformer.atomic import set_aside, write_text, writing
from bsroformer.errors import InputError
from bsroformer.kinds import Count, CountOrNone
from bsroformer.safe_files import CONFIGURATION, RECORDS, parse_json, read_bytes
from bsroformer.training.faulty_excerpts import faulty_excerpts
from bsroformer.training.module import SeparationModule
from bsroformer.training.watching import only_told

MOST_NAMED = 8
"""Excerpts in a line of the terminal; ``faults.jsonl`` has them all."""
MOST_ROWS = 40
"""Excerpts in the report, those that were at fault most often."""


@dataclass(frozen=True)
class Fault:
    """What one rank knows of a step that was left out: a line of ``faults.jsonl``.

    Attributes:
        step: Its number, from 1.
        rank: Of the process.
        gradient_norm: Over all ranks, before clipping.
        losses: Loss and terms of each of its batches on this rank.
        seed: Of the excerpts; None if they have no keys.
        excerpts: (epoch, number) of those at fault or, if none is on its own, of all.
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
        """One line of JSON, which has no NaN: it is a string there."""
        losses = [{name: _plain(value) for name, value in terms.items()} for terms in self.losses]
        return json.dumps(vars(self) | {"gradient_norm": _plain(self.gradient_norm), "losses": losses})

    def names(self) -> list[str]:
        """The excerpts as they are told."""
        return [f"(seed {self.seed}, epoch {epoch}, number {number})" for epoch, number in self.excerpts]


class Faults(L.Callback):
    """Tells of each step that `SeparationModule` left out, and ends a training that has too many.

    Counts them (``train/skipped_steps``), warns, and writes a line for each to ``faults.jsonl`` with the excerpts
    at fault, found by drawing them again and computing the loss of each on its own. A resumed run goes on in the
    same file, and with the same counts.

    Args:
        folder: The run's folder.
        most: Steps left out in a window that are borne; one more ends the training.
        window: Its length, in steps.

    Raises:
        InputError: If `most` or `window` is out of range.
    """

    def __init__(self, folder: str, most: CountOrNone, window: Count) -> None:
        for name, value, least in (("most", most, 0), ("window", window, 1)):
            if value < least:
                raise InputError(f"callbacks.faults.{name}={value} must be {least} or more")
        self.lines, self.report = Path(folder) / "faults.jsonl", Path(folder) / "faults.txt"
        self.most, self.window = most, window
        self.skipped = 0
        self.recent: list[int] = []  # the steps left out in the window

    def state_dict(self) -> dict[str, Any]:
        """The counts, for checkpoints."""
        return {"skipped": self.skipped, "recent": self.recent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the counts of a checkpoint."""
        self.skipped, self.recent = state_dict["skipped"], [int(step) for step in state_dict["recent"]]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forget the lines of steps that are to come: of an older run, or of steps that are made again."""
        if trainer.is_global_zero and self.lines.is_file():
            lines, damaged = read_whole_lines(self.lines)
            if damaged:
                warnings.warn(
                    f"{self.lines} is damaged: {damaged} of its lines are skipped, and {len(lines)} are whole. It is "
                    f"kept as {set_aside(self.lines).name}.",
                    stacklevel=1,
                )
            kept = [line for line in lines if line["step"] <= trainer.global_step]
            write_text(self.lines, "".join(f"{json.dumps(line)}\n" for line in kept))

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        """Note the step if it was left out.

        Raises:
            InputError: If there were too many.
        """
        assert isinstance(pl_module, SeparationModule)
        if pl_module.step_is_faulty:
            self._note(trainer, pl_module)
        pl_module.log("train/skipped_steps", pl_module.on_device(self.skipped))

    def _note(self, trainer: L.Trainer, module: SeparationModule) -> None:
        step = trainer.global_step
        self.skipped += 1
        self.recent = [earlier for earlier in self.recent if earlier > step - self.window] + [step]
        faults = culprits(of_all_ranks(fault_of(trainer, module)))
        if trainer.is_global_zero:
            with only_told(), writing(self.lines), self.lines.open("a", encoding="utf-8") as file:
                file.writelines(f"{fault.to_json()}\n" for fault in faults)
            warnings.warn(told(faults, self.lines), stacklevel=1)
        if len(self.recent) > self.most:
            self._stop(step, trainer.is_global_zero)

    def _stop(self, step: int, writes: bool) -> None:
        """End the training, on all ranks alike."""
        if writes:
            with only_told():
                write_text(self.report, report(read_lines(self.lines), self.recent))
        count, of = len(self.recent), min(step, self.window)
        raise InputError(
            f"training stopped at step {step}: {count} of the last {of} steps had a loss or gradient "
            f"that was NaN or infinite, and {self.report} says which; start from the best weights with "
            "init_from=… and a lower optimizer.lr, set trainer.precision=32-true, check the songs with "
            "scripts/prepare.py action=check, or raise "
            "callbacks.faults.most"
        )


def fault_of(trainer: L.Trainer, module: SeparationModule) -> Fault:
    """What this rank knows of the step that was just left out."""
    assert module.gradient_norm is not None
    excerpts = faulty_excerpts(trainer, module)
    losses = [{name: value.item() for name, value in terms.items()} for terms in module.losses]
    keys = [(key.epoch, key.number) for key in excerpts.keys]
    norm = module.gradient_norm.item()
    return Fault(trainer.global_step, trainer.global_rank, norm, losses, excerpts.seed, keys, excerpts.at_fault)


def of_all_ranks(fault: Fault) -> list[Fault]:
    """The same step as every rank knows it."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [fault]
    faults: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(faults, fault)
    return faults


def culprits(faults: Sequence[Fault]) -> list[Fault]:
    """Those of the ranks that have excerpts at fault; all, if none has."""
    return [fault for fault in faults if fault.at_fault] or list(faults)


def told(faults: Sequence[Fault], lines: Path) -> str:
    """A step that was left out, in a line."""
    step, norm = faults[0].step, faults[0].gradient_norm
    named = _first([name for fault in faults for name in fault.names()])
    if not named:
        which = "its excerpts have no keys"
    elif faults[0].at_fault:
        which = f"at fault: {named}"
    else:
        which = f"no excerpt is at fault on its own; it had {named}"
    return f"Step {step} was left out, since its gradient norm is {norm}; {which}. See {lines}"


def report(lines: Iterable[dict[str, Any]], steps: Sequence[int]) -> str:
    """What is known of the steps that ended a training."""
    lines = [line for line in lines if line["step"] in steps]
    alone = Counter((line["seed"], *key) for line in lines if line["at_fault"] for key in line["excerpts"])
    times = [f"  seed {s}, epoch {e}, number {n}: {count} time(s)" for (s, e, n), count in alone.most_common(MOST_ROWS)]
    return "\n".join(
        [
            f"{len(steps)} steps had a loss or gradient that was NaN or infinite: {', '.join(map(str, steps))}",
            "",
            "Excerpts whose loss is no number, each computed on its own with the weights of that moment:",
            *(times or ["  none; the gradient was at fault, or the excerpts have no keys"]),
            "",
            "Likely causes, and what to try:",
            "  a learning rate that is too high, if every excerpt of a step is at fault and the next step's too:",
            "    lower optimizer.lr, or raise scheduler.warmup_steps, and start from the best weights with init_from",
            "  too little range or precision: trainer.precision=32-true",
            "  songs that are damaged or very loud, if single excerpts are at fault: scripts/prepare.py action=check",
            "  an augmentation of theirs: augment=none",
            "",
            "faults.jsonl has the loss and its terms in each of these steps.",
            "",
        ]
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a ``faults.jsonl``.

    Raises:
        InputError: If the file cannot be read.
    """
    return read_whole_lines(path)[0]


def read_whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a ``faults.jsonl``, and how many others there are.

    Raises:
        InputError: If the file cannot be read.
    """
    found: list[dict[str, Any]] = []
    lines = read_bytes(path, RECORDS).decode("utf-8", errors="replace").replace("\0", "").splitlines()
    for line in lines:
        with suppress(InputError):
            fault = parse_json(line, path, CONFIGURATION)
            if is_fault(fault):
                found.append(fault)
    return found, len(lines) - len(found)


def is_fault(line: Any) -> bool:
    """Whether a line of ``faults.jsonl`` has what the report is made from."""
    if not isinstance(line, dict) or type(line.get("step")) is not int or not isinstance(line.get("at_fault"), bool):
        return False
    excerpts = line.get("excerpts")
    pairs = isinstance(excerpts, list) and all(
        isinstance(key, list) and len(key) == 2 and all(type(each) is int for each in key) for key in excerpts
    )
    return pairs and (line.get("seed") is None or type(line["seed"]) is int)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
