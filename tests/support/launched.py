"""Commands run in this process, with configurations composed as by Hydra."""

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

REPOSITORY = Path(__file__).parents[2]
CONFIGS = REPOSITORY / "configs"
Script = Callable[..., tuple[int, str]]
"""Run a script by name with arguments; return exit status and output."""

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
    "model.trunk.convolution=null",
    "model.bands.widths=[[1,128],[1,897]]",
    "optimizer=adamw",
    "trainer=cpu",
    "trainer.precision=32-true",
    "trainer.max_steps=2",
    "logger=none",
)


def composed(root: str, *overrides: str) -> Any:
    """Compose and check the configuration of ``scripts/<root>.py <overrides>``."""
    return prepared(configuration(root, composed_tree(root, *overrides)))


def composed_tree(root: str, *overrides: str) -> DictConfig:
    """Compose the tree as Hydra does, unchecked."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(root, overrides=list(overrides))


def launch(root: str, *overrides: str) -> object:
    """Run a command in this process, from the tree to its exit status."""
    [command] = (command for command in COMMANDS.values() if command.root == root)
    return Task(command, tuple(sys.argv))(composed_tree(root, *overrides))


def small_run(root: Path, *overrides: str) -> list[str]:
    """Overrides of a run of a few seconds on the songs of a folder."""
    return [*SMALL_RUN, f"data.root={root}", *overrides]


def files_in(folder: Path) -> set[str]:
    """Relative paths of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def blank_pictures() -> Iterator[None]:
    """Replace figures by blank ones, since drawing takes most of a small run's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "curves_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(previews, "separation_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(run_page, "curves_figure", lambda *_: Figure(figsize=(1, 1)))
        patch.setattr(pictures, "separation_figure", lambda *_, **__: Figure(figsize=(1, 1)))
        yield
