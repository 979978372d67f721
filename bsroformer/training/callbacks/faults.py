"""Record and limit optimiser steps with a non-finite loss or gradient."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch.utils.data import default_collate

from bsroformer.atomic import set_aside, write_text, writing
from bsroformer.data.excerpts import ExcerptKey
from bsroformer.data.known_stems import TrainingBatch
from bsroformer.data.loader import TrainingLoader
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.kinds import Count, CountOrZero
from bsroformer.training.fault_records import (
    Fault,
    describe_step,
    ranks_at_fault,
    read_lines,
    read_whole_lines,
    report,
)
from bsroformer.training.module import SeparationModule
from bsroformer.training.run_outputs import warn_on_write_error


class Faults(L.Callback):
    """Record each step that `SeparationModule` skips; end a run with too many.

    It counts them (``train/skipped_steps``), warns, and writes a line for each to ``faults.jsonl``. The line has the
    excerpts at fault, which are detected by drawing them again and computing the loss of each on its own. A resumed run
    continues the file and the counts.

    Args:
        folder: The run's folder.
        most: Allowed skipped steps in a window; one more ends the training.
        window: Length of the window in steps.

    Raises:
        InputError: If `most` or `window` is out of range.
    """

    def __init__(self, folder: str, most: CountOrZero, window: Count) -> None:
        for name, value, least in (("most", most, 0), ("window", window, 1)):
            if value < least:
                raise InputError(f"callbacks.faults.{name}={value} must be {least} or more")
        self.lines = Path(folder) / "faults.jsonl"
        self.report = Path(folder) / "faults.txt"
        self.most = most
        self.window = window
        self.skipped = 0
        self.recent: list[int] = []  # skipped steps in the window

    def state_dict(self) -> dict[str, Any]:
        """Return the counts, for checkpoints."""
        return {"skipped": self.skipped, "recent": self.recent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the counts."""
        self.skipped = state_dict["skipped"]
        self.recent = [int(step) for step in state_dict["recent"]]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove the lines of later steps, of an older run or to be made again."""
        if not trainer.is_global_zero or not self.lines.is_file():
            return
        lines, damaged = read_whole_lines(self.lines)
        if damaged:
            self._keep_damaged_file(damaged, len(lines))
        kept = [json.dumps(line) + "\n" for line in lines if line["step"] <= trainer.global_step]
        write_text(self.lines, "".join(kept))

    def _keep_damaged_file(self, damaged: int, whole: int) -> None:
        renamed = set_aside(self.lines)
        warnings.warn(
            f"{self.lines} is damaged: {damaged} of its lines are skipped, and {whole} are whole. It is kept as "
            f"{renamed.name}.",
            stacklevel=1,
        )

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: TrainingBatch, batch_idx: int
    ) -> None:
        """Record the step if it was skipped.

        Raises:
            InputError: If too many were.
        """
        assert isinstance(pl_module, SeparationModule)
        if pl_module.step_is_faulty:
            self._record(trainer, pl_module)
        pl_module.log("train/skipped_steps", pl_module.on_device(self.skipped))

    def _record(self, trainer: L.Trainer, module: SeparationModule) -> None:
        step = trainer.global_step
        self.skipped += 1
        self.recent = [earlier for earlier in self.recent if earlier > step - self.window]
        self.recent.append(step)
        faults = ranks_at_fault(of_all_ranks(fault_of(trainer, module)))
        if trainer.is_global_zero:
            self._write(faults)
            warnings.warn(describe_step(faults, self.lines), stacklevel=1)
        if len(self.recent) > self.most:
            self._stop(step, trainer.is_global_zero)

    def _write(self, faults: Sequence[Fault]) -> None:
        text = "".join(fault.to_json() + "\n" for fault in faults)
        with warn_on_write_error(), writing(self.lines), self.lines.open("a", encoding="utf-8") as file:
            file.write(text)

    def _stop(self, step: int, writes: bool) -> None:
        """End the training, on all ranks alike."""
        if writes:
            with warn_on_write_error():
                write_text(self.report, report(read_lines(self.lines), self.recent))
        count = len(self.recent)
        steps = min(step, self.window)
        raise InputError(
            f"training stopped at step {step}: {count} of the last {steps} steps had a loss or gradient that was NaN "
            f"or infinite, listed in {self.report}; start from the best weights with init_from=… and a lower "
            "optimizer.lr, set trainer.precision=32-true, check the songs with "
            f"{command_line('prepare', 'check')}, or raise callbacks.faults.most"
        )


def fault_of(trainer: L.Trainer, module: SeparationModule) -> Fault:
    """This rank's record of the step that was just skipped."""
    assert module.gradient_norm is not None
    excerpts = faulty_excerpts(trainer, module)
    return Fault(
        step=trainer.global_step,
        rank=trainer.global_rank,
        gradient_norm=module.gradient_norm.item(),
        losses=[{name: value.item() for name, value in terms.items()} for terms in module.losses],
        seed=excerpts.seed,
        excerpts=[(key.epoch, key.number) for key in excerpts.keys],
        at_fault=excerpts.at_fault,
    )


def of_all_ranks(fault: Fault) -> list[Fault]:
    """Gather every rank's record of the same step."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [fault]
    faults: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(faults, fault)
    return faults


@dataclass(frozen=True)
class Excerpts:
    """Excerpts of a skipped step.

    Attributes:
        seed: With it, a key alone decides what an excerpt holds; None if the excerpts have no keys.
        keys: Of those at fault or, without any, of all.
        at_fault: Whether the loss of each of them is not finite, computed on its own.
    """

    seed: int | None
    keys: Sequence[ExcerptKey]
    at_fault: bool


NO_EXCERPTS = Excerpts(None, [], at_fault=False)


def faulty_excerpts(trainer: L.Trainer, module: SeparationModule) -> Excerpts:
    """Draw this rank's excerpts of a skipped step again; compute each one's loss.

    The step must be the last one.
    """
    loader = trainer.train_dataloader
    if not isinstance(loader, TrainingLoader):
        return NO_EXCERPTS
    counts = loader.counts()
    if counts is None:
        return NO_EXCERPTS
    batches = range(counts.total - len(module.losses), counts.total)
    keys = [key for batch in batches for key in loader.keys_of(batch)]
    with eval_without_side_effects(trainer, module):
        found = [key for key in keys if not loss_is_finite(trainer, module, loader, key)]
    seed = getattr(loader.dataset, "seed", None)
    return Excerpts(seed, found or keys, at_fault=bool(found))


def loss_is_finite(trainer: L.Trainer, module: SeparationModule, loader: TrainingLoader, key: ExcerptKey) -> bool:
    """Return whether the loss of one excerpt is finite."""
    excerpt = default_collate([loader.dataset[key]])  # (1 n c t)
    batch = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(excerpt))
    loss, _ = module.loss_of(batch)
    return bool(loss.isfinite())


@contextmanager
def eval_without_side_effects(trainer: L.Trainer, module: SeparationModule) -> Iterator[None]:
    """Compute in the run's precision, without gradients and dropout."""
    module.model.eval()
    try:
        with torch.no_grad(), trainer.precision_plugin.train_step_context():
            yield
    finally:
        module.model.train()
