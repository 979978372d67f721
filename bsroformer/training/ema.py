"""The exponential moving average of the weights (EMA): what is validated, what is saved as the model, what is heard."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn
from torch.optim.swa_utils import AveragedModel

from bsroformer.checkpoints.native import RAW
from bsroformer.errors import InputError
from bsroformer.kinds import Amount

log = logging.getLogger(__name__)


class Average(AveragedModel):
    """A copy of a module whose parameters are averages over optimiser steps.

    Step n (from 0) keeps ``min(2**(-1 / half_life), n / (n + 1))`` of the average: the mean of all steps at first, in
    which the random start weighs nothing, and later an average in which a step weighs half as much after each
    half-life. Buffers are copied: they are constants, and a mean of whole numbers would be none.

    Args:
        module: What to copy.
        half_life: In optimiser steps.
    """

    def __init__(self, module: nn.Module, half_life: float) -> None:
        super().__init__(module)
        self.least = -math.expm1(-math.log(2) / half_life)  # 1 - 2**(-1 / half_life), without cancellation

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights after a step.

        PyTorch's own method makes three operator calls for each parameter besides, and waits for the GPU.
        """
        weight = max(self.least, 1 / (1 + int(self.n_averaged)))  # the counter is on the CPU
        torch._foreach_lerp_(list(self.module.parameters()), list(model.parameters()), weight)
        if buffers := list(self.module.buffers()):
            torch._foreach_copy_(buffers, list(model.buffers()))
        self.n_averaged += 1


class Ema(WeightAveraging):
    """Averages the weights over optimiser steps; validation, checkpoints and the trained module have the average.

    A checkpoint's ``state_dict`` is the average and its ``current_model_state`` the weights of the optimiser, whenever
    it is saved: during a validation and after the training too, where Lightning's own callback confuses the two or has
    only the average left. A step that was skipped changes no weight, and counts as one that found nothing to change.

    Args:
        half_life: Optimiser steps after which a step's weights count half.

    Raises:
        InputError: If it is not above 0.
    """

    def __init__(self, half_life: Amount) -> None:
        if isinstance(half_life, bool) or not isinstance(half_life, int | float) or not 0 < half_life < math.inf:
            raise InputError(
                f"callbacks.ema.half_life={half_life} must be a number of optimiser steps above 0: set ema_half_life, "
                "or train without an average with ~callbacks.ema"
            )
        super().__init__()
        self.half_life = half_life
        self.swapped = False
        """Whether the module in training has the average's values, and the average's copy the optimiser's."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Make the copy that becomes the average."""
        if stage == "fit":
            self._average_model, self.swapped = Average(pl_module, self.half_life), False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Follow the module to its device, where it had not been yet when it was copied."""
        assert self._average_model is not None
        self._average_model.module.to(pl_module.device)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Validate the average."""
        if not self.swapped:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on with the optimiser's weights, if training goes on."""
        if self.swapped and trainer.state.fn == TrainerFn.FITTING:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the average in the module; what the optimiser worked on stays in the copy, for a late checkpoint."""
        if not self.swapped:
            self._swap_models(pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save both, each under its name."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if self.swapped and RAW in checkpoint:
            checkpoint["state_dict"], checkpoint[RAW] = checkpoint[RAW], checkpoint["state_dict"]

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Resume both; without an average in the checkpoint, begin one. Outside of a fit the average is the model."""
        if trainer.state.fn != TrainerFn.FITTING:
            self._average_model, self.swapped = None, False
            return
        self._latest_update_step = checkpoint["global_step"]
        if RAW in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
            return
        assert self._average_model is not None
        self._average_model.module.load_state_dict(checkpoint["state_dict"])
        if trainer.is_global_zero:
            log.warning("The checkpoint holds no averaged weights (EMA): their average begins with this run.")

    def _swap_models(self, pl_module: L.LightningModule) -> None:
        super()._swap_models(pl_module)
        self.swapped = not self.swapped


def ema_of(trainer: L.Trainer) -> Ema | None:
    """The callback that averages a trainer's weights, if there is one."""
    return next((callback for callback in trainer.callbacks if isinstance(callback, Ema)), None)  # type: ignore[attr-defined]


@contextmanager
def averaged(trainer: L.Trainer, module: L.LightningModule) -> Iterator[None]:
    """Within this context the module has its averaged weights, if the trainer averages them.

    Lightning gives the optimiser's back before ``on_validation_end``, where what was validated is saved and heard.
    """
    ema = ema_of(trainer)
    if ema is None or ema.swapped:
        yield
        return
    ema._swap_models(module)
    try:
        yield
    finally:
        ema._swap_models(module)


def resume_without_average(trainer: L.Trainer, checkpoint: dict[str, Any]) -> None:
    """Make a checkpoint's model the weights of its optimiser, where a training that keeps no average resumes from it.

    They are what the optimiser's moments belong to.
    """
    if RAW in checkpoint and trainer.state.fn == TrainerFn.FITTING and ema_of(trainer) is None:
        checkpoint["state_dict"] = checkpoint[RAW]
        if trainer.is_global_zero:
            log.warning(
                "The checkpoint's averaged weights (EMA) are left behind, since this run keeps no average: it goes on "
                "from those of the optimiser."
            )
