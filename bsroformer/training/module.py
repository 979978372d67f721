"""What Lightning trains: a model, a loss, an optimiser, and the scores of validation."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from bsroformer.audio.activity import ACTIVE_DB
from bsroformer.checkpoints.native import ENTRY, PREFIX, RAW, describe
from bsroformer.data.batch_schedule import BatchSizes
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.mixing import mix
from bsroformer.data.validation import ValidationExcerpt, ValidationExcerpts
from bsroformer.errors import InputError
from bsroformer.models import SeparationModel
from bsroformer.report.monitor import FORMER
from bsroformer.training.callbacks.ema import resume_without_average
from bsroformer.training.gradients import clip
from bsroformer.training.loops import recount
from bsroformer.training.optimizer import configure_anew, parameter_groups
from bsroformer.training.schedule import MakesScheduler, ScheduleAfterWarmup, make_schedule, state_for
from bsroformer.training.validation_scores import PieceScores

SOME_STEPS = 1000
"""Length of a schedule that is made for its settings only."""


class SeparationModule(L.LightningModule):
    """Trains a separation model on batches of stems ``(b n c t)``; their mixture is made by summing them.

    A step whose loss or gradient is NaN or infinite changes nothing: see `step_is_faulty`. The batches that make one
    step count alike, also where an epoch's last step has fewer of them.

    Logs ``train/loss``, each term of the loss as ``train/<term>``, the learning rate and the gradient norm
    before clipping; on validation ``val/loss``, and in dB ``val/sdr`` (mean over stems) and ``val/sdr_<stem>`` (means
    over pieces: excerpts, or whole songs), likewise ``val/si_sdr``. A stem that is not active in a piece has no score
    there.

    Args:
        model: The model; `checkpoints` find its weights under ``model.``.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        scheduler: Makes a schedule of an optimiser and the number of steps of the run, or is one of PyTorch's classes.
        data_stems: Names of a batch's stems, all of which sound in the mixture; the model's own unless given.
        monitor: Name of the score of validation that the run is judged by: in the progress bar.

    Attributes:
        losses: Loss and terms of each batch of the step under way.
        gradient_norm: Of the last step, before clipping; None before the first.
        step_is_faulty: Whether the last step was left out, since its loss or gradient was not finite.

    Raises:
        InputError: If the model has a stem that the batches lack.
    """

    def __init__(
        self,
        model: SeparationModel,
        loss: nn.Module,
        optimizer: Callable[[Iterable[Any]], Optimizer],
        scheduler: MakesScheduler,
        data_stems: Sequence[str] | None = None,
        monitor: str = FORMER,
    ) -> None:
        super().__init__()
        data_stems = model.stems if data_stems is None else data_stems
        if missing := [stem for stem in model.stems if stem not in data_stems]:
            raise InputError(
                f"model.stems asks for {', '.join(missing)}, and data.stems has only "
                f"{', '.join(data_stems)}: name stems that the songs have"
            )
        self.places = [data_stems.index(stem) for stem in model.stems]
        self.model, self.loss = model, loss
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.monitor = monitor
        self.losses: list[dict[str, Tensor]] = []
        self.gradient_norm: Tensor | None = None
        self.step_is_faulty = False
        self.unscored: list[str] = []  # stems that the user knows to have no score

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` into ``(b n c t)``."""
        return self.model(mixture)

    def targets(self, stems: Tensor) -> Tensor:
        """Choose the stems that the model separates from those of the data ``(... n c t)``."""
        return stems[..., self.places, :, :]

    def training_step(self, stems: Tensor, batch_idx: int) -> Tensor:
        """Loss of a batch of stems ``(b n c t)``, to be divided by ``accumulate_grad_batches``."""
        loss, terms = self.loss_of(stems)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(stems))
        self.log_dict({f"train/{name}": term for name, term in terms.items()}, batch_size=len(stems))
        accumulated = self.trainer.accumulate_grad_batches
        if batch_idx % accumulated == 0:
            self.losses, self.step_is_faulty = [], False
        self.losses.append({"loss": loss.detach()} | {name: term.detach() for name, term in terms.items()})
        # A loss that is not finite must not hide behind gradients that are, on this rank or another.
        share = accumulated / self.batches_of_step(batch_idx)
        return loss * torch.where(loss.detach().isfinite(), share, torch.nan)

    def loss_of(self, stems: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of stems ``(b n c t)``, a mean over the batch, and its terms."""
        return self.loss(self.model(mix(stems)), self.targets(stems))

    def batches_of_step(self, batch_idx: int) -> int:
        """How many batches make the step that a batch of the epoch belongs to: an epoch's last step may have fewer."""
        accumulated = self.trainer.accumulate_grad_batches
        first = batch_idx - batch_idx % accumulated
        return int(min(accumulated, self.trainer.num_training_batches - first))

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Log the gradient norm, leave out a faulty step, and clip, all by one norm; log the learning rate.

        Lightning would refuse to clip for a fused optimiser with mixed precision, for the sake of float16's scaler
        alone, with which `launch/build.py` takes none.
        """
        parameters = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        self.log("train/gradient_norm", norm)
        self.log("train/learning_rate", self.on_device(optimizer.param_groups[0]["lr"]))
        self.gradient_norm = norm
        finite = bool(norm.isfinite())  # the only wait for the device in a step
        self.step_is_faulty = not finite and self._is_fault()
        if self.step_is_faulty:
            optimizer.zero_grad()  # without gradients it changes neither weights nor moments
        elif finite:
            clip(parameters, norm, gradient_clip_val, gradient_clip_algorithm)

    def on_device(self, number: float) -> Tensor:
        """A number to log, filled in there: to copy it, as Lightning would, waits for the device."""
        return torch.full((), float(number), device=self.device)

    def _is_fault(self) -> bool:
        """Whether a norm that is not finite is a fault, on all ranks: overflows are expected by float16's scaler."""
        if getattr(self.trainer.precision_plugin, "scaler", None) is None:
            return True  # ranks have the same gradients, and so the same norm
        finite = all(bool(terms["loss"].isfinite()) for terms in self.losses)
        return not self.trainer.strategy.reduce_boolean_decision(finite)

    def on_validation_epoch_start(self) -> None:
        """Begin the scores anew, with a place for each piece."""
        loader = self.trainer.val_dataloaders
        assert loader is not None and isinstance(loader.dataset, ValidationExcerpts)
        dtype = torch.float32 if self.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
        self.scores = PieceScores(loader.dataset.pieces, len(self.model.stems), dtype).to(self.device)

    def validation_step(self, batch: ValidationExcerpt, batch_idx: int) -> None:
        """Score a batch of excerpts."""
        estimates, targets = self.model(mix(batch.stems)), self.targets(batch.stems)
        loss, _ = self.loss(estimates, targets)
        self.log("val/loss", loss, batch_size=len(batch.stems), sync_dist=True)
        self.scores.update(estimates, targets, batch.piece, batch.frames)

    def on_validation_epoch_end(self) -> None:
        """Log the mean of each score, over pieces and then over stems.

        All ranks have the same scores, since `PieceScores` adds up theirs; Lightning cannot know, and would warn.
        """
        for name, scores in self.scores.compute().items():
            # torchmetrics takes the axes off a single number
            means = scores.view(-1, len(self.model.stems)).nanmean(0).float()  # (n)
            of_stems = {f"val/{name}_{stem}": mean for stem, mean in zip(self.model.stems, means, strict=True)}
            self.log_dict(of_stems, sync_dist=True)
            self.log(f"val/{name}", means.nanmean(), prog_bar=f"val/{name}" == self.monitor, sync_dist=True)
        self._report_stems_without_score()

    def on_validation_end(self) -> None:
        """Show the score to a schedule that follows it."""
        score = self.trainer.callback_metrics.get(self.monitor)
        if self.trainer.state.fn != TrainerFn.FITTING or self.trainer.sanity_checking or score is None:
            return
        for config in self.trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, ScheduleAfterWarmup):
                config.scheduler.observe(float(score))

    def _report_stems_without_score(self) -> None:
        """Warn, once for each, of stems that no validation piece can score."""
        active = self.scores.active_stems()
        silent = [stem for stem, sounds in zip(self.model.stems, active, strict=True) if not sounds]
        if self.trainer.sanity_checking or not silent or silent == self.unscored:
            return
        self.unscored = silent
        if self.trainer.is_global_zero:
            which = "any stem" if len(silent) == len(self.model.stems) else ", ".join(silent)
            warnings.warn(
                f"Validation has no score for {which}: below {ACTIVE_DB:g} dBFS throughout the validation songs; "
                "choose songs in which it sounds (data.valid_songs, or the folder valid/)",
                stacklevel=1,
            )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and its schedule over the steps that the trainer will make."""
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise InputError("the learning rate's schedule needs an end: set trainer.max_steps or trainer.max_epochs")
        optimizer, scheduler = self.optimizer_and_schedule(int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def optimizer_and_schedule(self, steps: int) -> tuple[Optimizer, LRScheduler]:
        """The optimiser of the model's parameters, and its schedule over so many steps.

        Raises:
            InputError: If they cannot be set up as configured.
        """
        with errors_of_setting_up():
            optimizer = self.make_optimizer(parameter_groups(self.model))
            return optimizer, make_schedule(self.make_scheduler, optimizer, steps)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add weights that older formats lack, and handle averaged weights and settings that changed."""
        own = self.model.state_dict()
        absent = self.model.absent_in_format(checkpoint[ENTRY]["format"])
        kept = {f"{PREFIX}{name}": own[name] for name in absent}
        for entry in {"state_dict", RAW} & checkpoint.keys():
            checkpoint[entry] |= kept
        resume_without_average(self.trainer, checkpoint)
        if "optimizer_states" in checkpoint:  # else it is one of weights alone, to validate
            self._go_on_as_configured(checkpoint)

    def _go_on_as_configured(self, checkpoint: dict[str, Any]) -> None:
        """Let the optimiser's settings, and batches of another size, count in a training that goes on."""
        with errors_of_setting_up():
            configured = self.make_optimizer(parameter_groups(self.model))
            schedule = make_schedule(self.make_scheduler, configured, SOME_STEPS)
        changes = configure_anew(checkpoint, configured)
        checkpoint["lr_schedulers"] = [state_for(schedule, state) for state in checkpoint["lr_schedulers"]]
        for change in changes if self.trainer.is_global_zero else ():
            warnings.warn(change, stacklevel=1)
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        before = checkpoint.get(StemsDataModule.__qualname__, {}).get("sizes")
        if isinstance(data, StemsDataModule) and before:
            recount(checkpoint["loops"]["fit_loop"], BatchSizes(**before), data.sizes())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the model's settings beside its weights."""
        checkpoint[ENTRY] = describe(self.model.settings)


@contextmanager
def errors_of_setting_up() -> Iterator[None]:
    """Tell what an optimiser or a schedule says of its arguments as one of the configuration."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise InputError(f"optimizer or scheduler cannot be set up as configured: {error}") from error
