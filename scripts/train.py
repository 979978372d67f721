"""Train a model; see `configs/train.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.command_line import quote_paths
from bsroformer.launch.ranks import in_one_folder
from bsroformer.launch.train import train


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(cfg: DictConfig) -> object:
    return train(cfg)


if __name__ == "__main__":
    sys.argv[1:] = in_one_folder(quote_paths(sys.argv[1:]))
    main()
