"""Separate songs in the browser; see `configs/app.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.app import app
from bsroformer.launch.command_line import quote_paths


@hydra.main(version_base="1.3", config_path="../configs", config_name="app")
def main(cfg: DictConfig) -> None:
    app(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
