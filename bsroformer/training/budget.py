"""A run that lasts as long as it may: time becomes a number of steps."""

import copy
import itertools
import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Literal

import lightning as L
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.kinds import Amount
from bsroformer.training.module import SeparationModule
from bsroformer.training.optimizer import parameter_groups

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
WARM_UP, MEASURED = 3, 12
"""Batches that are not counted, since the first ones compile and take up memory, and the fewest that are."""
LEAST_STEPS, LEAST_SECONDS = 4, 10
"""The fewest steps of the optimiser and seconds that are counted, of a run that is long enough for it."""
SHARE, MOST = 0.01, 0.05
"""Shares of the run's time: the least to measure for, if that is less, and the most, whatever else holds."""


class Budget(L.Callback):
    """Ends a run after as many steps as fit into a time, and has the learning rate's schedule end with them.

    Before the run some steps are made with a copy of the model, and timed; the number that follows replaces
    ``trainer.max_steps`` and ``trainer.max_epochs``. It is kept in checkpoints, and a run that is resumed makes as many
    steps as it was to make at first. Reading, forward, backward and the optimiser count; validation, checkpoints and
    previews come on top.

    Args:
        seconds: The time.
        clock: ``wall``, or ``processor``: what this process spends on its processors, all threads added up. With one
            thread and ``data.num_workers=0`` it depends little on what else the machine does. Of a GPU it knows
            nothing.
        shorten: Only make a run shorter: one whose steps fit into the time keeps its limits. ``trainer.max_steps`` must
            then be set.

    Raises:
        InputError: If the time is no time, or the clock none of these.
    """

    def __init__(self, seconds: Amount, clock: Literal["wall", "processor"], shorten: bool = False) -> None:
        if not seconds > 0:
            raise InputError(f"callbacks.budget.seconds={seconds} must be above 0")
        if clock not in CLOCKS:
            raise InputError(f"callbacks.budget.clock={clock} must be one of {', '.join(CLOCKS)}")
        self.seconds, self.clock, self.shorten = seconds, clock, shorten
        self.asked = -1  # steps that the run is configured to make
        self.steps, self.reason = 0, ""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Measure, before the optimiser and its schedule are set up.

        For a run that is resumed too, since Lightning tells nobody at this moment that it is one.
        """
        if stage != "fit" or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        self.asked = trainer.max_steps
        assert isinstance(pl_module, SeparationModule)
        each = step_seconds(trainer, pl_module, self.clock, self.seconds)
        steps: int = trainer.strategy.broadcast(max(1, round(self.seconds / each)))  # on all ranks the first one's
        if self.shorten and 0 <= self.asked <= steps:
            self.steps = self.asked
            return
        self.reason = f"as many as fit into {self.seconds:g} s, {each:.3g} s of {self.clock} time each"
        self._set(trainer, steps)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take the number of steps from the checkpoint.

        Raises:
            InputError: If the run had no budget.
        """
        kept = checkpoint["callbacks"].get(self.state_key)
        if self.shorten:
            self._resume_shortened(trainer, kept)
            return
        if kept is None:
            raise InputError(
                "the run to resume had no time budget, so its steps are set already: leave out callbacks.budget"
            )
        self.reason = "as many as it was to make at first"
        self._set(trainer, kept["steps"])

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the length of the run, unless it is what was configured."""
        if self.reason:
            trainer.print(f"The run is {self.steps} steps long, {self.reason}")

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"steps": self.steps, "asked": self.asked} if self.shorten else {"steps": self.steps}

    def _resume_shortened(self, trainer: L.Trainer, kept: dict[str, Any] | None) -> None:
        """Make the steps of the run's start, or those that are configured now if these are others."""
        if kept is None or kept["asked"] != self.asked:
            self.reason = ""
            self._set(trainer, self.asked)
            return
        self.reason = "as many as it was to make at first"
        self._set(trainer, kept["steps"])

    def _set(self, trainer: L.Trainer, steps: int) -> None:
        self.steps = steps
        trainer.fit_loop.epoch_loop.max_steps = steps
        if not self.shorten:
            trainer.fit_loop.max_epochs = -1  # no limit


def step_seconds(
    trainer: L.Trainer, module: SeparationModule, clock: Literal["wall", "processor"], run_seconds: float
) -> float:
    """Time of an optimiser step, reading included; the module and the random generators stay as they are.

    Args:
        trainer: What is to train.
        module: What is to be trained.
        clock: Which time.
        run_seconds: Length of the run, of which measuring takes a small part.
    """
    now, accumulated = CLOCKS[clock], trainer.accumulate_grad_batches
    warm_up, batches = (math.ceil(count / accumulated) for count in (WARM_UP, MEASURED))
    enough, most = min(LEAST_SECONDS, SHARE * run_seconds), MOST * run_seconds
    with isolate_rng(), closing(trial_steps(trainer, module)) as steps:
        for _ in range(warm_up + 1):
            next(steps)
        begun, count, seconds = now(), 0, 0.0
        while count == 0 or (seconds < most and (count < max(batches, LEAST_STEPS) or seconds < enough)):
            next(steps)
            count, seconds = count + 1, now() - begun
    return seconds / count


def trial_steps(trainer: L.Trainer, module: SeparationModule) -> Generator[None, None, None]:
    """Make optimiser steps with a copy of the module on batches of the run, without end; stops after each."""
    device = trainer.strategy.root_device
    trial = trial_copy(module).to(device).train()
    optimizer = trial.make_optimizer(parameter_groups(trial.model))
    batches = training_batches(trainer)
    while True:
        for stems in itertools.islice(batches, trainer.accumulate_grad_batches):
            loss = trial_loss(trainer, trial, stems.to(device))
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # a GPU is waited for
        yield


def trial_copy(module: SeparationModule) -> SeparationModule:
    """A copy of a module that computes as the module does: PyTorch's copy of a compiled block is not compiled."""
    trial = copy.deepcopy(module)
    if module.model.compiled:
        trial.model.compile_blocks()
    return trial


def trial_loss(trainer: L.Trainer, module: SeparationModule, stems: Tensor) -> Tensor:
    """The loss of a batch ``(b n c t)``, in the run's precision."""
    with trainer.precision_plugin.train_step_context():
        return module.loss_of(stems)[0]


def training_batches(trainer: L.Trainer) -> Iterator[Tensor]:
    """The first epoch's batches ``(b n c t)``, again and again."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    loader = data.train_dataloader()
    while True:
        yield from loader
