"""Prepare songs for training, check them, or hear them augmented; see `configs/prepare.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.command_line import quote_paths
from bsroformer.launch.prepare import prepare


@hydra.main(version_base="1.3", config_path="../configs", config_name="prepare")
def main(cfg: DictConfig) -> None:
    prepare(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
