"""Evaluate a checkpoint; see `configs/eval.yaml` for every key."""

import hydra
from omegaconf import DictConfig

from bsroformer.launch.eval import evaluate


@hydra.main(version_base="1.3", config_path="../configs", config_name="eval")
def main(cfg: DictConfig) -> object:
    return evaluate(cfg)


if __name__ == "__main__":
    main()
