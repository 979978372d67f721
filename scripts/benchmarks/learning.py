"""Training of this project's model compared with public packages at equal processor time.

All methods train on the same songs and are scored on the same others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import Field
from rich.table import Table

from benchmarks.comparison import Figures, caption, machine, number
from benchmarks.learning_peers import recipes
from benchmarks.learning_recipe import Recipe
from benchmarks.measure import one_thread
from benchmarks.training_setup import CPU, TrainingSetup
from bsroformer.kinds import Amount, Seed
from bsroformer.models.bs_roformer.settings import roformer_settings
from bsroformer.training.optimizer import MakesOptimizer

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
        setup: This project's model and recipe, and the songs.
        adamw: Makes the optimiser of adapted peers.
        methods: Names of the methods to train.
        cpu_seconds: Processor time of each, of one thread.
        seed: Seed of weights and excerpts.
    """

    setup: TrainingSetup
    adamw: MakesOptimizer
    methods: Methods
    cpu_seconds: Amount
    seed: Seed

    def run(self) -> "Ranking":
        """Train and score the methods one after another.

        Raises:
            InputError: If a setting is out of range, or the package of a method is missing.
        """
        chosen = self._recipes()
        methods = {}
        with one_thread():
            for recipe in chosen.values():
                recipe.model()  # reports a missing package before the first training
            for name, recipe in chosen.items():
                methods[name] = self.setup.figures(recipe, self.seed, self.cpu_seconds)
            conditions = self._conditions(chosen.values())
        return Ranking(conditions, methods)

    def _recipes(self) -> dict[str, Recipe]:
        known = recipes(self.setup.recipe(), self.adamw, roformer_settings(self.setup.settings))
        return {name: known[name] for name in self.methods}

    def _conditions(self, chosen: Iterable[Recipe]) -> dict[str, Any]:
        """Return the settings, versions and machine that the figures hold for."""
        packages = dict.fromkeys(recipe.package for recipe in chosen if recipe.package)
        return {
            "processor_seconds": self.cpu_seconds,
            "precision": self.setup.precision_used,
            "batch_size": self.setup.batch_size,
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
