"""The LightningModule: a model, its loss and optimiser, and validation."""

import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from bsroformer.checkpoints.ledger import Ledger
from bsroformer.checkpoints.native import ENTRY, describe_model
from bsroformer.data.batch_schedule import BatchSizes
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.known_stems import TrainingBatch, known_of, stems_of, summed_unknown
from bsroformer.data.mixing import indices_of, mix
from bsroformer.data.validation import ValidationExcerpt, ValidationExcerpts
from bsroformer.errors import InputError
from bsroformer.losses.compared import compared
from bsroformer.models import SeparationModel
from bsroformer.report.monitor import LEGACY_MONITOR
from bsroformer.training.callbacks.ema import resume_without_average
from bsroformer.training.loops import rescale_progress
from bsroformer.training.optimizer import MakesOptimizer, clip, errors_of_setting_up, make_optimizer_of
from bsroformer.training.resume.reconfigure import (
    add_absent_weights,
    apply_optimizer_settings,
    convert_schedule_state,
    remove_frozen_weights,
)
from bsroformer.training.schedule import MakesScheduler, ScheduleAfterWarmup, make_schedule
from bsroformer.training.validation_scores import ValidationScores, warn_without_score

SOME_STEPS = 1000
"""Length of a schedule that is made for its settings only."""


class SeparationModule(L.LightningModule):
    """Train a separation model on stems ``(b n c t)`` and their mixtures.

    A step whose loss or gradient is NaN or infinite is skipped: see `step_is_faulty`. The batches that make one step
    have equal weights, also where an epoch's last step has fewer of them.

    Logs ``train/loss``, each term of the loss as ``train/<term>``, the learning rate and the gradient norm
    before clipping; on validation ``val/loss``, and in dB ``val/sdr`` (mean over stems) and ``val/sdr_<stem>`` (means
    over pieces: excerpts, or whole songs), likewise ``val/si_sdr``. A stem that is not active in a piece has no score
    there.

    Args:
        model: The model; its weights are under ``model.`` in checkpoints.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        scheduler: Makes a schedule of an optimiser and the number of steps of the run, or is one of PyTorch's classes.
        data_stems: Names of a batch's stems, whose sum is the mixture; the model's own unless given.
        monitor: Name of the validation score that judges the run: in the progress bar.

    Attributes:
        losses: Loss and terms of each batch of the step under way.
        gradient_norm: Of the last step, before clipping; None before the first.
        step_is_faulty: Whether the last step was skipped, since its loss or gradient was not finite.
        ledger: The training data and their licences, for checkpoints; None writes none.

    Raises:
        InputError: If the batches lack one of the model's stems.
    """

    def __init__(
        self,
        model: SeparationModel,
        loss: nn.Module,
        optimizer: MakesOptimizer,
        scheduler: MakesScheduler,
        data_stems: Sequence[str] | None = None,
        monitor: str = LEGACY_MONITOR,
    ) -> None:
        super().__init__()
        self.stem_indices = indices_of(model.stems, model.stems if data_stems is None else data_stems)
        self.model = model
        self.loss = loss
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.monitor = monitor
        self.losses: list[dict[str, Tensor]] = []
        self.gradient_norm: Tensor | None = None
        self.step_is_faulty = False
        self.ledger: Ledger | None = None
        self.has_unknown = False  # whether a song to validate on has unknown stems
        self.unscored: list[str] = []  # stems without a score of which the user has been warned

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` into ``(b n c t)``."""
        return self.model(mixture)

    def targets(self, stems: Tensor) -> Tensor:
        """Select the model's stems from those of the data ``(... n c t)``."""
        return stems[..., self.stem_indices, :, :]

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """Return the loss of stems ``(b n c t)``.

        Lightning divides it by ``accumulate_grad_batches``.
        """
        loss, terms = self.loss_of(batch)
        size = len(stems_of(batch))
        self.log("train/loss", loss, prog_bar=True, batch_size=size)
        for name, term in terms.items():
            self.log(f"train/{name}", term, batch_size=size)
        accumulated = self.trainer.accumulate_grad_batches
        if batch_idx % accumulated == 0:
            self.losses = []
            self.step_is_faulty = False
        values = {"loss": loss, **terms}
        self.losses.append({name: value.detach() for name, value in values.items()})
        # A loss that is not finite must not be hidden by finite gradients, on this rank or another.
        share = accumulated / self.batches_of_step(batch_idx)
        return loss * torch.where(loss.detach().isfinite(), share, torch.nan)

    def loss_of(self, batch: TrainingBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of stems ``(b n c t)`` and its terms, means over the batch."""
        stems = stems_of(batch)
        estimates = self.model(mix(stems))
        return self.loss_between(estimates, stems, known_of(batch))

    def loss_between(self, estimates: Tensor, stems: Tensor, known: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare the model's stems ``(b n c t)`` with those of the data, all or the known ones.

        Of the others only the sum is compared: see `summed_unknown`.
        """
        if known is None:
            return compared(self.loss, estimates, self.targets(stems), None)
        estimates, targets, counted = summed_unknown(estimates, stems, known, self.stem_indices)
        return compared(self.loss, estimates, targets, counted)

    def batches_of_step(self, batch_idx: int) -> int:
        """Count the batches of the step that a batch of the epoch belongs to.

        An epoch's last step may have fewer.
        """
        accumulated = self.trainer.accumulate_grad_batches
        first = batch_idx - batch_idx % accumulated
        return int(min(accumulated, self.trainer.num_training_batches - first))

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Log the gradient norm and learning rate; clip, or skip a faulty step.

        Lightning would refuse to clip for a fused optimiser with mixed precision, because of float16's scaler, with
        which `cli/commands/train/build.py` uses no fused optimiser.
        """
        parameters = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        self.log("train/gradient_norm", norm)
        rate = max(group["lr"] for group in optimizer.param_groups)
        self.log("train/learning_rate", self.on_device(rate))
        self.gradient_norm = norm
        is_finite = bool(norm.isfinite())  # the only wait for the device in a step
        self.step_is_faulty = not is_finite and self._is_fault()
        if self.step_is_faulty:
            optimizer.zero_grad()  # without gradients it changes neither weights nor moments
        elif is_finite:
            clip(parameters, norm, gradient_clip_val, gradient_clip_algorithm)

    def on_device(self, number: float) -> Tensor:
        """Create a number to log on the device.

        Copying it there, as Lightning would, waits for the device.
        """
        return torch.full((), float(number), device=self.device)

    def _is_fault(self) -> bool:
        """Return whether a norm that is not finite is a fault, on all ranks.

        Float16's scaler expects overflows.
        """
        if getattr(self.trainer.precision_plugin, "scaler", None) is None:
            return True  # ranks have the same gradients, and so the same norm
        is_finite = all(bool(terms["loss"].isfinite()) for terms in self.losses)
        return not self.trainer.strategy.reduce_boolean_decision(is_finite)

    def on_validation_epoch_start(self) -> None:
        """Reset the scores, with room for each piece."""
        loader = self.trainer.val_dataloaders
        assert loader is not None and isinstance(loader.dataset, ValidationExcerpts)
        self.has_unknown = loader.dataset.has_unknown
        dtype = torch.float32 if self.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
        scores = ValidationScores(loader.dataset.pieces, len(self.model.stems), dtype)
        self.scores = scores.to(self.device)

    def validation_step(self, batch: ValidationExcerpt, batch_idx: int) -> None:
        """Score a batch of excerpts."""
        estimates = self.model(mix(batch.stems))
        loss, _ = self.loss_between(estimates, batch.stems, batch.known if self.has_unknown else None)
        self.log("val/loss", loss, batch_size=len(batch.stems), sync_dist=True)
        known = self.targets(batch.known[..., None, None])
        targets = self.targets(batch.stems) * known  # a silent stem has no score
        self.scores.update(estimates, targets, batch.piece, batch.frames)

    def on_validation_epoch_end(self) -> None:
        """Log the mean of each score, over pieces and then over stems.

        All ranks have the same scores, since `ValidationScores` sums over ranks; `sync_dist` only avoids a warning.
        """
        for score, mean in self.scores.means(self.model.stems).items():
            name = f"val/{score}"
            self.log(name, mean, prog_bar=name == self.monitor, sync_dist=True)
        silent = self.scores.silent_stems(self.model.stems)
        if not self.trainer.sanity_checking and silent and silent != self.unscored:
            self.unscored = silent
            if self.trainer.is_global_zero:
                warn_without_score(silent, self.model.stems)

    def on_validation_end(self) -> None:
        """Pass the score to a schedule that follows it."""
        score = self.trainer.callback_metrics.get(self.monitor)
        if self.trainer.state.fn != TrainerFn.FITTING or self.trainer.sanity_checking or score is None:
            return
        for config in self.trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, ScheduleAfterWarmup):
                config.scheduler.observe(float(score))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimiser, and its schedule over the trainer's steps."""
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise InputError("the learning rate's schedule needs an end; set trainer.max_steps or trainer.max_epochs")
        optimizer, scheduler = self.optimizer_and_schedule(int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def optimizer_and_schedule(self, steps: int) -> tuple[Optimizer, LRScheduler]:
        """Make the optimiser, and its schedule over so many steps.

        Raises:
            InputError: If they cannot be set up as configured.
        """
        with errors_of_setting_up():
            optimizer = make_optimizer_of(self.model, self.make_optimizer)
            return optimizer, make_schedule(self.make_scheduler, optimizer, steps)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adapt a checkpoint to this program and to the present configuration."""
        add_absent_weights(checkpoint, self.model)
        resume_without_average(self.trainer, checkpoint)
        if "optimizer_states" in checkpoint:  # unless it is one of weights alone, to validate
            self._apply_configuration(checkpoint)

    def _apply_configuration(self, checkpoint: dict[str, Any]) -> None:
        """Apply the present settings of the optimiser and size of batches."""
        optimizer, schedule = self.optimizer_and_schedule(SOME_STEPS)
        changes = apply_optimizer_settings(checkpoint, optimizer)
        states = checkpoint["lr_schedulers"]
        checkpoint["lr_schedulers"] = [convert_schedule_state(schedule, state) for state in states]
        if self.trainer.is_global_zero:
            for change in changes:
                warnings.warn(change, stacklevel=1)
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        former_sizes = checkpoint.get(StemsDataModule.__qualname__, {}).get("sizes")
        if isinstance(data, StemsDataModule) and former_sizes:
            rescale_progress(checkpoint["loops"]["fit_loop"], BatchSizes(**former_sizes), data.sizes())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the model's settings and its ledger beside its weights, without those that are frozen."""
        checkpoint[ENTRY] = describe_model(self.model, self.ledger)
        remove_frozen_weights(checkpoint, self.model)
