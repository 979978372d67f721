"""Interrupted and resumed trainings, and the comparison of their results."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bsroformer.run_folder import LAST
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.throughput import MEMORY, SPEED
from support.launched import SMALL_RUN, launch

# Epochs of three steps, of which the last has two batches instead of three; a checkpoint after each step.
SHORT_EPOCHS = (
    *SMALL_RUN,
    "data.epoch_size=16",
    "trainer.max_steps=-1",
    "trainer.max_epochs=3",
    "trainer.accumulate_grad_batches=3",
    "trainer.log_every_n_steps=2",
    "scheduler.warmup_steps=3",
    "+model.trunk.dropout=0.1",
    "callbacks.last_checkpoint.every_minutes=0",
    "~callbacks.previews",
    "~callbacks.report",
    "~callbacks.progress",
)


class PowerCutError(Exception):
    """A simulated power cut."""


@contextmanager
def batches_recorded(until: int | None = None) -> Iterator[list[Tensor]]:
    """Record the training batches ``(b n c t)``; raise `PowerCutError` after `until`."""
    learn = SeparationModule.training_step
    seen: list[Tensor] = []

    def training_step(module: SeparationModule, stems: Tensor, batch_idx: int) -> Tensor:
        if len(seen) == until:
            raise PowerCutError
        seen.append(stems)
        return learn(module, stems, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SeparationModule, "training_step", training_step)
        if until is None:
            yield seen
        else:
            with pytest.raises(PowerCutError):
                yield seen


def start(songs_root: Path, folder: Path, *overrides: str) -> None:
    """Train with `SHORT_EPOCHS`, from the beginning unless overridden."""
    launch("train", *SHORT_EPOCHS, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides)


def checkpoint(folder: Path, name: str = LAST) -> dict[str, Any]:
    """Load a checkpoint of a run."""
    return torch.load(folder / "checkpoints" / name, weights_only=True)


def metrics(folder: Path) -> list[dict[str, str]]:
    """Read the rows of metrics.csv, without the columns of speed and memory."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in line.items() if name not in (SPEED, MEMORY)}
            for line in csv.DictReader(file)
        ]


def assert_same_end(folder: Path, expected: Path) -> None:
    """Compare weights, optimiser, schedule and curves of two runs bit for bit."""
    for name in (LAST, "best.ckpt"):
        found, wanted = checkpoint(folder, name), checkpoint(expected, name)
        for entry in ("global_step", "state_dict", "current_model_state", "optimizer_states", "lr_schedulers"):
            torch.testing.assert_close(found[entry], wanted[entry], rtol=0, atol=0)
    assert metrics(folder) == metrics(expected)
