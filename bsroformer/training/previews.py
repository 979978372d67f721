"""Something to hear and see while a run is young: one validation excerpt, separated every few epochs."""

from collections.abc import Sequence
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from bsroformer.atomic import replacing, writing
from bsroformer.audio.files import write
from bsroformer.data.mixing import mix
from bsroformer.errors import InputError
from bsroformer.figures import separation_figure
from bsroformer.kinds import Count, CountOrNone
from bsroformer.model import BandSplitRoformer
from bsroformer.training.ema import averaged
from bsroformer.training.module import SeparationModule
from bsroformer.training.watching import log_picture, log_sound, only_told

MIXTURE, TARGETS, PICTURE = "mixture.wav", "target", "spectrograms.png"


class Previews(L.Callback):
    """Writes the stems of one validation excerpt, and their spectrograms, to ``previews/step-<n>/``.

    What was separated is in ``previews/mixture.wav``, and what it should have become in ``previews/target/``. With
    Weights & Biases or TensorBoard as the logger all go there too, a player for each sound.

    Args:
        folder: The run's folder.
        every_n_epochs: Validation epochs between two previews.
        excerpt: Index of the excerpt in the validation set.
    """

    def __init__(self, folder: str, every_n_epochs: Count, excerpt: CountOrNone = 0) -> None:
        if every_n_epochs < 1:
            raise InputError(f"callbacks.previews.every_n_epochs={every_n_epochs} must be 1 or more")
        self.folder, self.every_n_epochs, self.excerpt = Path(folder) / "previews", every_n_epochs, excerpt
        self.true_shown = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Separate the excerpt, if it is time."""
        assert isinstance(pl_module, SeparationModule)
        due = (
            (trainer.current_epoch + 1) % self.every_n_epochs == 0
            or trainer.should_stop
            or trainer.current_epoch + 1 == trainer.max_epochs
        )
        if trainer.sanity_checking or not trainer.is_global_zero or not due:
            return
        loaders = trainer.val_dataloaders
        if not loaders:
            return
        stems = loaders.dataset[self.excerpt % len(loaders.dataset)].stems  # (n c t)
        mixture, targets = mix(stems), pl_module.targets(stems)
        with averaged(trainer, pl_module), torch.inference_mode():
            estimates = pl_module(mixture.unsqueeze(0).to(pl_module.device))[0].float().cpu()
        with only_told():
            step, loggers, model = trainer.global_step, trainer.loggers, pl_module.model
            if not self.true_shown:
                self._write_true(mixture, targets, model)
                self._log_true(loggers, model.stems, step)
                self.true_shown = True
            folder = self._write(step, mixture, targets, estimates, model)
            log_picture(loggers, "preview/spectrograms", folder / PICTURE, step)
            for stem in model.stems:
                log_sound(loggers, f"preview/{stem}", folder / f"{stem}.wav", step)

    def _write_true(self, mixture: Tensor, targets: Tensor, model: BandSplitRoformer) -> None:
        """Write what the estimates are to be compared with; once, since the excerpt stays the same."""
        write(self.folder / MIXTURE, mixture, model.sample_rate)
        for stem, target in zip(model.stems, targets, strict=True):
            write(self.folder / TARGETS / f"{stem}.wav", target, model.sample_rate)

    def _log_true(self, loggers: Sequence[Logger], stems: Sequence[str], step: int) -> None:
        log_sound(loggers, "preview_true/mixture", self.folder / MIXTURE, step)
        for stem in stems:
            log_sound(loggers, f"preview_true/{stem}", self.folder / TARGETS / f"{stem}.wav", step)

    def _write(self, step: int, mixture: Tensor, targets: Tensor, estimates: Tensor, model: BandSplitRoformer) -> Path:
        folder = self.folder / f"step-{step:06d}"
        stems, rate = model.stems, model.sample_rate
        figure = separation_figure(mixture, targets, estimates, stems, rate, f"step {step}")
        with replacing(folder / PICTURE) as partial, writing(folder / PICTURE):
            figure.savefig(partial, format="png", dpi=100)
        for stem, estimate in zip(stems, estimates, strict=True):
            write(folder / f"{stem}.wav", estimate, rate)
        return folder
