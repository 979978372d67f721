"""Something to hear and see while a run is young: one validation excerpt, separated every few epochs."""

from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import WandbLogger

from bsroformer.audio.files import write
from bsroformer.data.mixing import mix
from bsroformer.figures import separation_figure
from bsroformer.training.ema import averaged
from bsroformer.training.module import SeparationModule


class Previews(L.Callback):
    """Writes the stems of one validation excerpt, and their spectrograms, to ``previews/step-<n>/``.

    With Weights & Biases as the logger they go there too, a player for each stem.

    Args:
        folder: The run's folder.
        every_n_epochs: Validation epochs between two previews.
        excerpt: Index of the excerpt in the validation set.
    """

    def __init__(self, folder: str, every_n_epochs: int, excerpt: int = 0) -> None:
        self.folder, self.every_n_epochs, self.excerpt = Path(folder) / "previews", every_n_epochs, excerpt

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
        files = self._write(trainer.global_step, mixture, targets, estimates, pl_module)
        if isinstance(trainer.logger, WandbLogger):
            log_to_wandb(trainer.logger, files, trainer.global_step)

    def _write(
        self,
        step: int,
        mixture: torch.Tensor,
        targets: torch.Tensor,
        estimates: torch.Tensor,
        module: SeparationModule,
    ) -> list[Path]:
        folder = self.folder / f"step-{step:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        stems, rate = module.model.stems, module.model.sample_rate
        picture = folder / "spectrograms.png"
        separation_figure(mixture, targets, estimates, stems, rate, f"step {step}").savefig(picture, dpi=100)
        for stem, estimate in zip(stems, estimates, strict=True):
            write(folder / f"{stem}.wav", estimate, rate)
        return [picture, *(folder / f"{stem}.wav" for stem in stems)]


def log_to_wandb(logger: WandbLogger, files: list[Path], step: int) -> None:
    """Show pictures and play sounds in the run's page."""
    for path in files:
        if path.suffix == ".png":
            logger.log_image("preview/spectrograms", [str(path)], step=step)
        else:
            logger.log_audio(f"preview/{path.stem}", [str(path)], step=step)
