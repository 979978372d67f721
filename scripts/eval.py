"""Evaluate a checkpoint; see `configs/eval.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.command_line import quote_paths
from bsroformer.launch.eval import evaluate
from bsroformer.launch.ranks import in_one_folder


@hydra.main(version_base="1.3", config_path="../configs", config_name="eval")
def main(cfg: DictConfig) -> object:
    return evaluate(cfg)


if __name__ == "__main__":
    sys.argv[1:] = in_one_folder(quote_paths(sys.argv[1:]))
    main()
