"""Measure the program; see `configs/benchmark.yaml` for every key."""

import hydra
from omegaconf import DictConfig

from bsroformer.launch.benchmark import benchmark


@hydra.main(version_base="1.3", config_path="../configs", config_name="benchmark")
def main(cfg: DictConfig) -> object:
    return benchmark(cfg)


if __name__ == "__main__":
    main()
