"""Training of this project's model compared with public packages at equal processor time.

All methods train on the same songs and are scored on the same others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from rich.table import Table
from torch import nn

from benchmarks.comparison import Figures, caption, machine, number
from benchmarks.learning_peers import recipes
from benchmarks.learning_recipe import Recipe, score, train
from benchmarks.measure import one_thread
from bsroformer.data.augment import Augment
from bsroformer.data.batch_schedule import Batches
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.sources import Source
from bsroformer.data.validation import ValidationExcerpts
from bsroformer.devices import chooses_bf16
from bsroformer.errors import InputError
from bsroformer.kinds import Amount, Count, Seconds, Seed
from bsroformer.models.bs_roformer.settings import roformer_settings
from bsroformer.models.registry import build_model
from bsroformer.training.optimizer import MakesOptimizer
from bsroformer.training.schedule import MakesScheduler

CPU = torch.device("cpu")
Method = Literal[
    "ours",
    "bs_roformer",
    "bs_roformer_adapted",
    "msst_bs_roformer",
    "msst_bs_roformer_adapted",
    "msst_scnet",
    "msst_scnet_adapted",
]
Methods = Annotated[list[Method], Field(min_length=1)]


@dataclass(frozen=True)
class Learning:
    """Train each method for the same processor time, and score it on the test songs.

    Attributes:
        settings: This project's model, as in ``configs/model/``.
        loss: Its loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes its optimiser of parameter groups.
        adamw: Makes the optimiser of adapted peers.
        scheduler: Makes its schedule of an optimiser and the number of steps.
        clip: Its largest gradient norm.
        source: The songs.
        augment: How training excerpts are combined and varied.
        seconds: Length of its training excerpts.
        batch_size: Excerpts of a step.
        epoch_size: Training excerpts of an epoch.
        valid_per_song: Excerpts of each test song to score.
        valid_seconds: Their length.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the hardware computes it.
        methods: Names of the methods to train.
        cpu_seconds: Processor time of each, of one thread.
        seed: Seed of weights and excerpts.
    """

    settings: dict[str, Any]
    loss: nn.Module
    optimizer: MakesOptimizer
    adamw: MakesOptimizer
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
    methods: Methods
    cpu_seconds: Amount
    seed: Seed

    def run(self) -> "Ranking":
        """Train and score the methods one after another.

        Raises:
            InputError: If a setting is out of range, or the package of a method is missing.
        """
        chosen = self._recipes()
        half = torch.bfloat16 if chooses_bf16(self.precision, CPU) else None
        methods = {}
        with one_thread():
            for recipe in chosen.values():
                recipe.model()  # reports a missing package before the first training
            for name, recipe in chosen.items():
                methods[name] = self._figures(recipe, half)
            conditions = self._conditions(chosen.values(), half)
        return Ranking(conditions, methods)

    def _recipes(self) -> dict[str, Recipe]:
        settings = roformer_settings(self.settings)
        if settings.stems != tuple(self.source.form.stems):
            raise InputError("model.stems must be data.stems, which all methods separate; remove model.stems")
        model = partial(build_model, settings)
        own = Recipe(model, self.loss, self.optimizer, self.scheduler, self.seconds, self.clip)
        known = recipes(own, self.adamw, settings)
        return {name: known[name] for name in self.methods}

    def _figures(self, recipe: Recipe, half: torch.dtype | None) -> Figures:
        data = self._data(recipe.seconds)
        model, figures = train(recipe, data, half, self.seed, self.cpu_seconds)
        frames = round(self.valid_seconds * self.source.form.sample_rate)
        excerpts = ValidationExcerpts(data.test, frames, self.valid_per_song)
        return {**figures, **score(model, excerpts, half)}

    def _data(self, seconds: float) -> StemsDataModule:
        """Return excerpts of a length."""
        batches = Batches(seconds, self.batch_size, self.epoch_size, self.valid_per_song, num_workers=0)
        data = StemsDataModule(self.source, self.augment, batches, self.seed)
        data.prepare_data()
        data.setup("fit")
        if not data.test_files:
            raise InputError("what=learning scores the test songs, and there are none; set data.source.test_songs=8")
        return data

    def _conditions(self, chosen: Iterable[Recipe], half: torch.dtype | None) -> dict[str, Any]:
        """Return the settings, versions and machine that the figures hold for."""
        packages = dict.fromkeys(recipe.package for recipe in chosen if recipe.package)
        return {
            "processor_seconds": self.cpu_seconds,
            "precision": "fp32" if half is None else "bf16",
            "batch_size": self.batch_size,
            "seed": self.seed,
            **{package: version(package) for package in packages},
            **machine(CPU),
        }


@dataclass(frozen=True)
class Ranking:
    """Figures of methods that were trained for the same time.

    Attributes:
        conditions: The settings and the machine that the figures hold for.
        methods: Figures of each method, under the same names.
    """

    conditions: dict[str, Any]
    methods: dict[str, Figures]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree, for JSON."""
        return {"title": "Learning", "conditions": self.conditions, **self.methods}

    def table(self) -> Table:
        """Return a table of ``rich`` with a row for each method."""
        first = next(iter(self.methods.values()))
        table = Table("", title="Learning", caption=caption(self.conditions))
        table.columns[0].no_wrap = True
        for name in first:
            table.add_column(name.replace("_", " "), justify="right")
        for method, figures in self.methods.items():
            values = [number(value) for value in figures.values()]
            table.add_row(method, *values)
        return table
