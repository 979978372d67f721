"""Look into a checkpoint or write it in another form; see `configs/checkpoint.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.checkpoint import checkpoint
from bsroformer.launch.command_line import quote_paths


@hydra.main(version_base="1.3", config_path="../configs", config_name="checkpoint")
def main(cfg: DictConfig) -> object:
    return checkpoint(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
