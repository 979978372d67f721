"""The parts of a training."""

from dataclasses import dataclass
from pathlib import Path

import lightning as L
from rich.console import Console

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.training import SeparationModule


@dataclass(frozen=True)
class TrainingRun:
    """A training: trainer, model, data, and the console of its progress.

    Attributes:
        cfg: The configuration.
        trainer: Lightning's trainer.
        module: The model in training.
        data: The songs.
        console: The console of progress, quiet in all processes but the first.
    """

    cfg: TrainConfig
    trainer: L.Trainer
    module: SeparationModule
    data: StemsDataModule
    console: Console

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.cfg.paths.output_dir

    @property
    def is_first_process(self) -> bool:
        """Return whether this is the process that prints."""
        return bool(self.trainer.is_global_zero)

    @property
    def writes(self) -> bool:
        """Return whether this process writes into the run's folder.

        A rehearsal writes nothing.
        """
        return self.is_first_process and not self.cfg.is_rehearsal
