"""A recipe with its songs: what ``what=learning`` and ``what=ablation`` train and score."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.comparison import Figures
from benchmarks.learning_recipe import ANY_LENGTH, Recipe, Training, score, train
from bsroformer.data.augment import Augment
from bsroformer.data.batch_schedule import Batches
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.sources import Source
from bsroformer.data.validation import ValidationExcerpts
from bsroformer.devices import chooses_bf16
from bsroformer.errors import InputError
from bsroformer.kinds import Amount, Count, Seconds
from bsroformer.models import build_model, settings_from_dict
from bsroformer.training.optimizer import MakesOptimizer
from bsroformer.training.schedule import MakesScheduler

CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrainingSetup:
    """A model, its recipe, the excerpts that it trains on and those that it is scored on.

    Attributes:
        settings: The model, as in ``configs/model/``.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        scheduler: Makes a schedule of an optimiser and the number of steps.
        clip: Largest gradient norm.
        source: The songs.
        augment: How training excerpts are combined and varied.
        seconds: Length of a training excerpt.
        batch_size: Excerpts of a step.
        epoch_size: Training excerpts of an epoch.
        valid_per_song: Excerpts of each test song to score.
        valid_seconds: Their length.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the hardware computes it.
    """

    settings: dict[str, Any]
    loss: nn.Module
    optimizer: MakesOptimizer
    scheduler: MakesScheduler
    clip: Amount
    source: Source
    augment: Augment
    seconds: Seconds
    batch_size: Count
    epoch_size: Count
    valid_per_song: Count
    valid_seconds: Seconds
    precision: str

    @property
    def half(self) -> torch.dtype | None:
        """The type of autocast's matmuls; None for float32."""
        return torch.bfloat16 if chooses_bf16(self.precision, CPU) else None

    @property
    def precision_used(self) -> str:
        """``fp32`` or ``bf16``."""
        return "fp32" if self.half is None else "bf16"

    def recipe(self) -> Recipe:
        """Return the recipe without the songs.

        Raises:
            InputError: If the model does not separate the stems of the songs.
        """
        settings = settings_from_dict(self.settings)
        if settings.stems != tuple(self.source.form.stems):
            raise InputError("model.stems must be data.stems, which are scored; remove model.stems")
        model = partial(build_model, settings)
        return Recipe(model, self.loss, self.optimizer, self.scheduler, self.seconds, self.clip)

    def figures(self, recipe: Recipe, seed: int, cpu_seconds: float) -> Figures:
        """Train a recipe for a processor time, and score it on the test songs.

        Args:
            recipe: That of this setup, or another one.
            seed: Seed of weights and excerpts.
            cpu_seconds: Processor time of the training.
        """
        data = self.data(recipe.seconds, seed)
        model, figures = train(recipe, data, self.half, seed, cpu_seconds)
        frames = round(self.valid_seconds * self.source.form.sample_rate)
        excerpts = ValidationExcerpts(data.test, self.source.form.stems, frames, self.valid_per_song)
        return {**figures, **score(model, excerpts, self.half)}

    def try_step(self, seed: int) -> None:
        """Make a step, so that a wrong setting is reported before a long training.

        Raises:
            InputError: If a setting is wrong.
        """
        recipe = self.recipe()
        Training(recipe, self.data(recipe.seconds, seed), self.half, seed, ANY_LENGTH).step()

    def data(self, seconds: float, seed: int) -> StemsDataModule:
        """Return training excerpts of a length, and the test songs.

        Raises:
            InputError: If there are no test songs.
        """
        batches = Batches(seconds, self.batch_size, self.epoch_size, self.valid_per_song, num_workers=0)
        data = StemsDataModule(self.source, self.augment, batches, seed)
        data.prepare_data()
        data.setup("fit")
        if not data.test_files:
            raise InputError("the test songs are scored, and there are none; set data.source.test_songs=8")
        return data
