"""Separate songs; see `configs/separate.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.command_line import quote_paths
from bsroformer.launch.separate import exit_status, separate


@hydra.main(version_base="1.3", config_path="../configs", config_name="separate")
def main(cfg: DictConfig) -> None:
    separate(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
    sys.exit(exit_status())
