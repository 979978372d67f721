"""Changes of a recipe, trained for the same processor time with several seeds."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

from pydantic import Field
from rich.table import Table

from benchmarks.comparison import Figures, caption, machine
from benchmarks.finished_runs import FinishedRun, FinishedRuns, digest
from benchmarks.measure import one_thread
from benchmarks.training_setup import CPU, TrainingSetup
from bsroformer.errors import InputError
from bsroformer.kinds import Amount, Seed

log = logging.getLogger(__name__)
NONE = "none"
"""Name of the recipe without a change."""
FIGURES = ("parameters", "steps", "cpu_seconds", "si_sdr", "si_sdr_improvement", "sdr")
"""Names of the figures of a run."""
SCORES = ("si_sdr", "si_sdr_improvement", "sdr")
"""Names of the figures in dB."""
SCORED_WITH = ("valid_per_song", "valid_seconds")
"""Keys of a setup that say which excerpts are scored."""
Words = list[str]
Names = Annotated[list[str], Field(min_length=1)]
Compose = Callable[[Words], tuple[dict[str, Any], TrainingSetup]]
"""Returns the plain tree of a training setup with a change, and the setup."""


@dataclass(frozen=True)
class Change:
    """A change of the recipe.

    Attributes:
        name: Its name.
        words: Keys and choices, as on the command line.
        tree: The plain tree of the changed setup.
        setup: The changed setup.
    """

    name: str
    words: Words
    tree: dict[str, Any]
    setup: TrainingSetup


@dataclass(frozen=True)
class Ablation:
    """Train a recipe and changes of it for the same processor time, and score all on the test songs.

    Attributes:
        compose: Returns the setup with a change; without words that of the recipe itself.
        known_changes: Words of changes by name.
        changes: Names of those to train, or other changes with their words; None for all known ones.
        seeds: Seeds of weights and excerpts.
        cpu_seconds: Processor time of each training, of one thread.
        results: File of finished runs, which are not trained again with the same settings.
    """

    compose: Compose
    known_changes: dict[str, Words]
    changes: Names | dict[str, Words] | None
    seeds: Annotated[list[Seed], Field(min_length=1)]
    cpu_seconds: Amount
    results: str

    def run(self) -> "AblationFindings":
        """Train and score what is not finished yet: all changes with the first seed, then with the next one.

        Raises:
            InputError: For a wrong change, before the first training.
        """
        changes = self._composed_changes()
        finished = FinishedRuns(Path(self.results).expanduser(), FIGURES)
        known = finished.figures()
        runs: dict[str, dict[int, Figures]] = {change.name: {} for change in changes}
        with one_thread():
            self._check_unfinished(changes, known)
            for seed, change in product(self._distinct_seeds, changes):
                key = self._key(change, seed)
                if key not in known:
                    known[key] = self._train(change, seed)
                    finished.add(FinishedRun(key, change.name, change.words, seed, known[key]))
                runs[change.name][seed] = known[key]
            conditions = self._conditions(changes[0].setup)
        return AblationFindings(conditions, {change.name: change.words for change in changes}, runs)

    @property
    def _distinct_seeds(self) -> list[Seed]:
        return list(dict.fromkeys(self.seeds))

    def _chosen(self) -> dict[str, Words]:
        """Return the words of the chosen changes by name, first those of the recipe itself.

        Raises:
            InputError: If a name is unknown, or taken.
        """
        chosen = self.known_changes if self.changes is None else self.changes
        if isinstance(chosen, list):
            unknown = [name for name in chosen if name not in self.known_changes]
            if unknown:
                raise InputError(
                    f"what.changes={unknown[0]} must be one of {', '.join(self.known_changes)}, or a mapping such as "
                    '{mine: ["optimizer=adamw"]}'
                )
            chosen = {name: self.known_changes[name] for name in chosen}
        if NONE in chosen:
            raise InputError(f"what.changes: {NONE} is the recipe itself; give the change another name")
        return {NONE: [], **chosen}

    def _composed_changes(self) -> list[Change]:
        """Compose the recipe and each change.

        Raises:
            InputError: Naming the first change that is wrong, or that would not be a fair comparison.
        """
        changes: list[Change] = []
        for name, words in self._chosen().items():
            with naming(name):
                change = Change(name, words, *self.compose(words))
                change.setup.recipe()
                if changes:
                    check_comparable(changes[0], change)
            changes.append(change)
        return changes

    def _check_unfinished(self, changes: list[Change], known: Mapping[str, Figures]) -> None:
        """Make a step with each change that has runs to train, and log their number.

        Raises:
            InputError: Naming the first change that cannot be trained.
        """
        seeds = self._distinct_seeds
        left = [change for seed, change in product(seeds, changes) if self._key(change, seed) not in known]
        finished = len(seeds) * len(changes) - len(left)
        if finished:
            log.info("Using %d finished runs of %s (remove the file to train them again)", finished, self.results)
        log.info("Training %d runs of %g seconds of processor time", len(left), self.cpu_seconds)
        for change in {change.name: change for change in left}.values():
            with naming(change.name):
                change.setup.try_step(seeds[0])

    def _train(self, change: Change, seed: int) -> Figures:
        figures = change.setup.figures(change.setup.recipe(), seed, self.cpu_seconds)
        log.info(
            "%s, seed %d: %d steps, SI-SDR %.2f dB, SDR %.2f dB",
            *(change.name, seed, figures["steps"], figures["si_sdr"], figures["sdr"]),
        )
        return figures

    def _key(self, change: Change, seed: int) -> str:
        settings = {"setup": change.tree, "seed": seed, "cpu_seconds": self.cpu_seconds, "machine": machine(CPU)}
        return digest(settings)

    def _conditions(self, setup: TrainingSetup) -> dict[str, Any]:
        return {
            "processor_seconds": self.cpu_seconds,
            "seeds": " ".join(map(str, self._distinct_seeds)),
            "precision": setup.precision_used,
            **machine(CPU),
        }


@contextmanager
def naming(change: str) -> Iterator[None]:
    """Name a change in the errors that it causes.

    Raises:
        InputError: Instead of another one.
    """
    try:
        yield
    except InputError as error:
        raise error if change == NONE else InputError(f"change {change}: {error}") from error


def check_comparable(recipe: Change, change: Change) -> None:
    """Check that a change alters the training, and not the scored excerpts.

    Raises:
        InputError: If it does not.
    """
    if change.tree == recipe.tree:
        raise InputError(f"{change.words} changes nothing of the recipe; select other changes with what.changes=[...]")
    scored = [key for key in SCORED_WITH if change.tree.get(key) != recipe.tree.get(key)]
    if scored:
        raise InputError(f"data.{scored[0]} must be the same for all, since it selects the excerpts that are scored")
    if change.setup.source.form != recipe.setup.source.form:
        raise InputError("stems, sample rate and channels must be the same for all, since the songs are scored in them")


@dataclass(frozen=True)
class AblationFindings:
    """Figures of a recipe and of changes of it.

    Attributes:
        conditions: The settings and the machine that the figures hold for.
        words: Words of each change.
        runs: Figures of each change and seed; the first change is none.
    """

    conditions: dict[str, Any]
    words: dict[str, Words]
    runs: dict[str, dict[int, Figures]]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree, for JSON: means, deviations and the figures of each seed."""
        changes = {
            name: {
                "words": self.words[name],
                **self.summary(name),
                "seeds": {str(seed): figures for seed, figures in runs.items()},
            }
            for name, runs in self.runs.items()
        }
        return {"title": "Ablation", "conditions": self.conditions, "changes": changes}

    def summary(self, name: str) -> Figures:
        """Return means over the seeds, and the deviation and difference of scores.

        The deviation needs two seeds, and the difference is that of the mean to the recipe without a change.
        """
        means = self._means(name)
        reference = self._means(NONE)
        summary = {
            "relative_step_time": means["step_seconds"] / reference["step_seconds"],
            "steps": means["steps"],
            "parameters": means["parameters"],
        }
        for score in SCORES:
            values = [figures[score] for figures in self.runs[name].values()]
            summary[score] = means[score]
            summary[f"{score}_difference"] = means[score] - reference[score]
            if len(values) > 1:
                summary[f"{score}_deviation"] = stdev(values)
        return summary

    def _means(self, name: str) -> Figures:
        runs = list(self.runs[name].values())
        means = {figure: mean(figures[figure] for figures in runs) for figure in FIGURES}
        means["step_seconds"] = mean(figures["cpu_seconds"] / figures["steps"] for figures in runs)
        return means

    def table(self) -> Table:
        """Return a table of ``rich`` with a row for each change."""
        columns = ("step time", "steps", "size", "SI-SDR, dB", "vs none", "SDR, dB", "vs none")
        table = Table("change", title="Ablation", caption=caption(self.conditions))
        table.columns[0].no_wrap = True
        for column in columns:
            table.add_column(column, justify="right")
        for name in self.runs:
            table.add_row(name, *self._cells(name))
        return table

    def _cells(self, name: str) -> list[str]:
        summary = self.summary(name)
        cells = [
            f"{summary['relative_step_time']:.2f}",
            f"{summary['steps']:,.0f}",
            f"{summary['parameters'] / 1e6:.1f} M",
        ]
        for score in ("si_sdr", "sdr"):
            deviation = summary.get(f"{score}_deviation")
            spread = "" if deviation is None else f" ± {deviation:.2f}"
            difference = "" if name == NONE else f"{summary[f'{score}_difference']:+.2f}"
            cells += [f"{summary[score]:.2f}{spread}", difference]
        return cells
