"""Previews of a run: one validation excerpt, separated every few epochs."""

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
from bsroformer.kinds import Count, CountOrZero
from bsroformer.models import SeparationModel
from bsroformer.run_folder import RunFolder
from bsroformer.training.callbacks.ema import averaged
from bsroformer.training.module import SeparationModule
from bsroformer.training.run_outputs import log_picture, log_sound, warn_on_write_error

MIXTURE = "mixture.wav"
TARGETS = "target"
PICTURE = "spectrograms.png"


class Previews(L.Callback):
    """Write the stems and spectrograms of one validation excerpt.

    They are in ``previews/step-<n>/``.

    The mixture is in ``previews/mixture.wav`` and the true stems are in ``previews/target/``. Weights & Biases and
    TensorBoard show all of them, with a player for each sound.

    Args:
        folder: The run's folder.
        every_n_epochs: Validation epochs between two previews.
        excerpt: Index of the excerpt in the validation set.
    """

    def __init__(self, folder: str, every_n_epochs: Count, excerpt: CountOrZero = 0) -> None:
        if every_n_epochs < 1:
            raise InputError(f"callbacks.previews.every_n_epochs={every_n_epochs} must be 1 or more")
        self.folder = RunFolder(folder).previews
        self.every_n_epochs = every_n_epochs
        self.excerpt = excerpt
        self.true_shown = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Separate the excerpt if a preview is due."""
        assert isinstance(pl_module, SeparationModule)
        if trainer.sanity_checking or not trainer.is_global_zero or not self._is_due(trainer):
            return
        loaders = trainer.val_dataloaders
        if not loaders:
            return
        excerpts = loaders.dataset
        excerpt = excerpts[self.excerpt % len(excerpts)]
        mixture = mix(excerpt.stems)
        known = pl_module.targets(excerpt.known[:, None, None])
        targets = pl_module.targets(excerpt.stems) * known  # (n c t), an unknown stem is shown as silence
        precision = trainer.precision_plugin.forward_context()  # frozen weights may be of its type
        with averaged(trainer, pl_module), torch.inference_mode(), precision:
            batch = mixture.unsqueeze(0).to(pl_module.device)
            estimates = pl_module(batch)[0].float().cpu()
        with warn_on_write_error():
            if not self.true_shown:
                self._show_true(trainer, mixture, targets, pl_module.model)
                self.true_shown = True
            step = trainer.global_step
            model = pl_module.model
            folder = self._write(step, mixture, targets, estimates, model)
            self._log(trainer.loggers, folder, model.stems, step)

    def _is_due(self, trainer: L.Trainer) -> bool:
        epoch = trainer.current_epoch + 1
        is_last = trainer.should_stop or epoch == trainer.max_epochs
        return is_last or epoch % self.every_n_epochs == 0

    def _show_true(self, trainer: L.Trainer, mixture: Tensor, targets: Tensor, model: SeparationModel) -> None:
        """Write and log the mixture and the true stems."""
        step = trainer.global_step
        sounds = [("mixture", self.folder / MIXTURE, mixture)]
        for stem, target in zip(model.stems, targets, strict=True):
            sounds.append((stem, self.folder / TARGETS / f"{stem}.wav", target))
        for name, path, audio in sounds:
            write(path, audio, model.sample_rate)
            log_sound(trainer.loggers, f"preview_true/{name}", path, step)

    def _write(self, step: int, mixture: Tensor, targets: Tensor, estimates: Tensor, model: SeparationModel) -> Path:
        folder = self.folder / f"step-{step:06d}"
        picture = folder / PICTURE
        rate = model.sample_rate
        figure = separation_figure(mixture, targets, estimates, model.stems, rate, f"step {step}")
        with replacing(picture) as partial, writing(picture):
            figure.savefig(partial, format="png", dpi=100)
        for stem, estimate in zip(model.stems, estimates, strict=True):
            path = folder / f"{stem}.wav"
            write(path, estimate, rate)
        return folder

    def _log(self, loggers: Sequence[Logger], folder: Path, stems: Sequence[str], step: int) -> None:
        log_picture(loggers, "preview/spectrograms", folder / PICTURE, step)
        for stem in stems:
            log_sound(loggers, f"preview/{stem}", folder / f"{stem}.wav", step)
