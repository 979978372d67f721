"""Exponential moving average (EMA) of the weights."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from bsroformer.checkpoints.native import RAW
from bsroformer.errors import InputError
from bsroformer.kinds import Amount

log = logging.getLogger(__name__)


class Average(AveragedModel):
    """A copy of a module whose parameters are averages over optimiser steps.

    Step n (from 0) keeps ``min(2**(-1 / half_life), n / (n + 1))`` of the average. At first that is the mean of all
    steps, in which the random initialisation has no weight; later the weight of a step halves with each half-life.
    Buffers are copied: they are constants, and some are integers. Frozen parameters are those of the module itself.

    Args:
        module: The module to copy.
        half_life: In optimiser steps.
    """

    def __init__(self, module: nn.Module, half_life: float) -> None:
        super().__init__(module)
        self.min_weight = -math.expm1(-math.log(2) / half_life)  # 1 - 2**(-1 / half_life), without cancellation
        self.share_frozen(module)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Update the average after a step.

        PyTorch's own method makes three more operator calls for each parameter, and waits for the GPU.
        """
        averaged_steps = int(self.n_averaged)  # the counter is on the CPU
        weight = max(self.min_weight, 1 / (1 + averaged_steps))
        torch._foreach_lerp_(trained(self.module), trained(model), weight)
        buffers = list(self.module.buffers())
        if buffers:
            torch._foreach_copy_(buffers, list(model.buffers()))
        self.n_averaged += 1

    def share_frozen(self, model: nn.Module) -> None:
        """Use the memory of a model's frozen parameters, on its device."""
        for own, parameter in zip(self.module.parameters(), model.parameters(), strict=True):
            if not parameter.requires_grad:
                own.data = parameter.data


def trained(module: nn.Module) -> list[Tensor]:
    """List the parameters that are not frozen."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


class Ema(WeightAveraging):
    """Average the weights over optimiser steps, for validation and checkpoints.

    A checkpoint's ``state_dict`` is the average, and its ``current_model_state`` holds the optimiser's weights. That
    holds for checkpoints during a validation and after the training too, where Lightning's own callback swaps the two
    or has only the average. A skipped step counts as one that changed no weight.

    Args:
        half_life: Optimiser steps after which the weight of a step halves.

    Raises:
        InputError: If it is not above 0.
    """

    def __init__(self, half_life: Amount) -> None:
        if isinstance(half_life, bool) or not isinstance(half_life, int | float) or not 0 < half_life < math.inf:
            raise InputError(
                f"callbacks.ema.half_life={half_life} must be a number of optimiser steps above 0; set ema_half_life, "
                "or train without an average with ~callbacks.ema"
            )
        super().__init__()
        self.half_life = half_life
        self.swapped = False
        """Whether the module in training holds the average, and the copy the optimiser's weights."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Copy the module."""
        if stage == "fit":
            self._average_model = Average(pl_module, self.half_life)
            self.swapped = False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Move the copy to the module's device."""
        assert isinstance(self._average_model, Average)
        self._average_model.share_frozen(pl_module)
        self._average_model.module.to(pl_module.device)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Validate the average."""
        if not self.swapped:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the optimiser's weights, if training continues."""
        if self.swapped and trainer.state.fn == TrainerFn.FITTING:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the average in the module.

        The optimiser's weights stay in the copy, for a late checkpoint.
        """
        if not self.swapped:
            self._swap_models(pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save the average and the optimiser's weights, each under its name."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if self.swapped and RAW in checkpoint:
            average = checkpoint[RAW]
            checkpoint[RAW] = checkpoint["state_dict"]
            checkpoint["state_dict"] = average

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore both weights; start an average if the checkpoint has none.

        Outside of a fit the average is the model.
        """
        if trainer.state.fn != TrainerFn.FITTING:
            self._average_model = None
            self.swapped = False
            return
        self._latest_update_step = checkpoint["global_step"]
        if RAW in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
            return
        assert self._average_model is not None
        self._average_model.module.load_state_dict(checkpoint["state_dict"])
        if trainer.is_global_zero:
            log.warning("The checkpoint has no averaged weights (EMA); the average starts with this run.")

    def _swap_models(self, pl_module: L.LightningModule) -> None:
        super()._swap_models(pl_module)
        self.swapped = not self.swapped


def ema_of(trainer: L.Trainer) -> Ema | None:
    """The callback that averages a trainer's weights; None without one."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Ema)), None)


@contextmanager
def averaged(trainer: L.Trainer, module: L.LightningModule) -> Iterator[None]:
    """Give the module its averaged weights in a context, if the trainer averages them.

    Lightning restores the optimiser's weights before ``on_validation_end``, where the validated ones are needed.
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
    """Resume a training without an average from the optimiser's weights.

    The optimiser's moments belong to these.

    Args:
        trainer: The trainer that resumes.
        checkpoint: Lightning's; changed in place.
    """
    resumes = trainer.state.fn == TrainerFn.FITTING
    if RAW not in checkpoint or not resumes or ema_of(trainer) is not None:
        return
    checkpoint["state_dict"] = checkpoint[RAW]
    if trainer.is_global_zero:
        log.warning(
            "The checkpoint's averaged weights (EMA) are ignored, since this run keeps no average; it resumes from the "
            "optimiser's weights."
        )
