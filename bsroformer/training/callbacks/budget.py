"""Time-budgeted training: convert a time into a number of steps."""

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

from bsroformer.data.known_stems import TrainingBatch
from bsroformer.errors import InputError
from bsroformer.kinds import Amount
from bsroformer.models.abilities import CompilesBlocks, compile_blocks
from bsroformer.training.module import SeparationModule
from bsroformer.training.optimizer import make_optimizer_of

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
WARM_UP_BATCHES = 3
"""Batches that are not measured, since the first ones compile and allocate memory."""
MEASURED_BATCHES = 12
"""The fewest batches that are measured."""
MIN_STEPS = 4
"""The fewest optimiser steps that are measured."""
MIN_SECONDS = 10
"""The shortest measurement, unless `MIN_SHARE` of the run is shorter."""
MIN_SHARE = 0.01
MAX_SHARE = 0.05
"""The longest measurement, as a share of the run; it precedes all minimums."""

STARTED_WITH = "as many as it was to make at first"


class Budget(L.Callback):
    """End a run and its schedule after as many steps as fit into a time.

    Before the run some steps with a copy of the model are timed, and the number of steps that follows replaces
    ``trainer.max_steps`` and ``trainer.max_epochs``. Checkpoints store it, and a resumed run makes as many steps as it
    was to make at first. Reading, forward, backward and the optimiser count; validation, checkpoints and previews come
    on top.

    Args:
        seconds: The time.
        clock: ``wall``, or ``processor``: the time of this process on all processors, the threads added up. With one
            thread and ``data.num_workers=0`` it depends little on the load of the machine. It excludes the time of a
            GPU.
        shorten: Only make a run shorter: a run whose steps fit into the time keeps its limits. ``trainer.max_steps``
            must then be set.

    Raises:
        InputError: If the time is not positive, or the clock unknown.
    """

    def __init__(self, seconds: Amount, clock: Literal["wall", "processor"], shorten: bool = False) -> None:
        if not seconds > 0:
            raise InputError(f"callbacks.budget.seconds={seconds} must be above 0")
        if clock not in CLOCKS:
            raise InputError(f"callbacks.budget.clock={clock} must be one of {', '.join(CLOCKS)}")
        self.seconds = seconds
        self.clock = clock
        self.shorten = shorten
        self.configured_steps = -1
        self.steps = 0
        self.reason = ""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Measure before the optimiser and its schedule are set up.

        A resumed run is measured too, since Lightning does not know yet that it is one.
        """
        if stage != "fit" or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        self.configured_steps = trainer.max_steps
        assert isinstance(pl_module, SeparationModule)
        each = step_seconds(trainer, pl_module, self.clock, self.seconds)
        own_steps = max(1, round(self.seconds / each))
        steps: int = trainer.strategy.broadcast(own_steps)  # all ranks use the first one's
        if self.shorten and 0 <= self.configured_steps <= steps:
            self.steps = self.configured_steps
            return
        self.reason = f"as many as fit into {self.seconds:g} s, {each:.3g} s of {self.clock} time each"
        self._set(trainer, steps)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore the number of steps from the checkpoint.

        Raises:
            InputError: If the run had no budget.
        """
        saved = checkpoint["callbacks"].get(self.state_key)
        if self.shorten:
            self._resume_shortened(trainer, saved)
            return
        if saved is None:
            raise InputError(
                "the run to resume had no time budget, so its number of steps is set already; remove callbacks.budget"
            )
        self.reason = STARTED_WITH
        self._set(trainer, saved["steps"])

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the length of the run, unless it is the configured one."""
        if self.reason:
            trainer.print(f"The run is {self.steps} steps long, {self.reason}")

    def state_dict(self) -> dict[str, Any]:
        """Return the number of steps, for checkpoints."""
        state = {"steps": self.steps}
        if self.shorten:
            state["asked"] = self.configured_steps
        return state

    def _resume_shortened(self, trainer: L.Trainer, saved: dict[str, Any] | None) -> None:
        """Restore the number of steps, unless another one is configured now."""
        if saved is None or saved["asked"] != self.configured_steps:
            self.reason = ""
            self._set(trainer, self.configured_steps)
            return
        self.reason = STARTED_WITH
        self._set(trainer, saved["steps"])

    def _set(self, trainer: L.Trainer, steps: int) -> None:
        self.steps = steps
        trainer.fit_loop.epoch_loop.max_steps = steps
        if not self.shorten:
            trainer.fit_loop.max_epochs = -1  # no limit


def step_seconds(
    trainer: L.Trainer, module: SeparationModule, clock: Literal["wall", "processor"], run_seconds: float
) -> float:
    """Measure the time of an optimiser step, reading included.

    The module and the random generators stay as they are.

    Args:
        trainer: The trainer of the run.
        module: The module to train.
        clock: The clock.
        run_seconds: Length of the run, of which measuring takes a small part.
    """
    now = CLOCKS[clock]
    accumulated = trainer.accumulate_grad_batches
    warm_up = 1 + math.ceil(WARM_UP_BATCHES / accumulated)
    min_steps = max(MIN_STEPS, math.ceil(MEASURED_BATCHES / accumulated))
    min_seconds = min(MIN_SECONDS, MIN_SHARE * run_seconds)
    max_seconds = MAX_SHARE * run_seconds
    count = 0
    seconds = 0.0

    def needs_more_steps() -> bool:
        if count == 0:
            return True
        is_short = count < min_steps or seconds < min_seconds
        return is_short and seconds < max_seconds

    with isolate_rng(), closing(trial_steps(trainer, module)) as steps:
        for _ in range(warm_up):
            next(steps)
        begun = now()
        while needs_more_steps():
            next(steps)
            count += 1
            seconds = now() - begun
    return seconds / count


def trial_steps(trainer: L.Trainer, module: SeparationModule) -> Generator[None, None, None]:
    """Make optimiser steps with a copy of the module on batches of the run.

    Yields after each step, without end.
    """
    device = trainer.strategy.root_device
    trial = trial_copy(module).to(device).train()
    optimizer = make_optimizer_of(trial.model, trial.make_optimizer)
    batches = training_batches(trainer)
    while True:
        for batch in itertools.islice(batches, trainer.accumulate_grad_batches):
            loss = trial_loss(trainer, trial, trainer.strategy.batch_to_device(batch, device))
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for a GPU
        yield


def trial_copy(module: SeparationModule) -> SeparationModule:
    """Copy a module, compiled if it is compiled.

    PyTorch's copy of a compiled block is not compiled.
    """
    trial = copy.deepcopy(module)
    if isinstance(module.model, CompilesBlocks) and module.model.compiled:
        compile_blocks(trial.model)
    return trial


def trial_loss(trainer: L.Trainer, module: SeparationModule, batch: TrainingBatch) -> Tensor:
    """The loss of a batch ``(b n c t)`` in the run's precision."""
    with trainer.precision_plugin.train_step_context():
        return module.loss_of(batch)[0]


def training_batches(trainer: L.Trainer) -> Iterator[TrainingBatch]:
    """Yield the first epoch's batches ``(b n c t)``, without end."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    loader = data.train_dataloader()
    while True:
        yield from loader
