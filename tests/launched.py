"""The scripts' work in this process: configurations composed as Hydra does it, without a new Python."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

REPOSITORY = Path(__file__).parents[1]
CONFIGS = REPOSITORY / "configs"

# A run of seconds: a small model on short excerpts of the songs of `songs_root`, which validates on song B.
SMALL_RUN = (
    "data=folder",
    "data.valid_songs=[B]",
    "data.seconds=0.3",
    "data.batch_size=2",
    "data.epoch_size=4",
    "data.num_workers=0",
    "data.valid_per_song=1",
    "model=tiny",
    "model.trunk.dim=8",
    "model.trunk.depth=1",
    "trainer=cpu",
    "trainer.precision=32-true",
    "trainer.max_steps=2",
    "logger=none",
)


def composed(root: str, *overrides: str) -> DictConfig:
    """The tree that ``python scripts/<root>.py <overrides>`` works with."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(root, overrides=list(overrides))
