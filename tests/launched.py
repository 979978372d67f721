"""The scripts' work in this process: configurations composed as Hydra does it, without a new Python."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure
from omegaconf import DictConfig

from bsroformer.cli.registry import COMMANDS
from bsroformer.cli.runner import Task
from bsroformer.cli.validation import configuration, prepared
from bsroformer.report import pictures, run_page
from bsroformer.training.callbacks import curves, previews

REPOSITORY = Path(__file__).parents[1]
CONFIGS = REPOSITORY / "configs"
Script = Callable[..., tuple[int, str]]
"""Runs a script by its name and words; status, and all that it printed."""

# A run of seconds: a small model on short excerpts of the songs of `songs_root`, which validates on song B.
SMALL_RUN = (
    "data=folder",
    "data.valid_songs=[B]",
    "data.seconds=0.1",
    "data.batch_size=2",
    "data.epoch_size=4",
    "data.num_workers=0",
    "data.valid_per_song=1",
    "model=tiny",
    "model.trunk.dim=8",
    "model.trunk.depth=1",
    "model.bands.widths=[[1,128],[1,897]]",
    "trainer=cpu",
    "trainer.precision=32-true",
    "trainer.max_steps=2",
    "logger=none",
)


def composed(root: str, *overrides: str) -> Any:
    """The checked configuration that ``python scripts/<root>.py <overrides>`` works with."""
    return prepared(configuration(root, composed_tree(root, *overrides)))


def composed_tree(root: str, *overrides: str) -> DictConfig:
    """The tree that Hydra composes for it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(root, overrides=list(overrides))


def launch(root: str, *overrides: str) -> object:
    """Run a command in this process, from the tree to its exit status."""
    [command] = (command for command in COMMANDS.values() if command.root == root)
    return Task(command, tuple(sys.argv))(composed_tree(root, *overrides))


def small_run(root: Path, *overrides: str) -> list[str]:
    """The words of a run of seconds on the songs of a folder."""
    return [*SMALL_RUN, f"data.root={root}", *overrides]


def files_in(folder: Path) -> set[str]:
    """All files below a folder, by their places in it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def blank_pictures() -> Iterator[None]:
    """Runs whose pictures have nothing in them: most of a small run's time goes into drawing them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "curves_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(previews, "separation_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(run_page, "curves_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(pictures, "separation_figure", lambda *_, **__: Figure(figsize=(1, 1)))
        yield
