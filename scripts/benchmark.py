"""Measure the program; see `configs/benchmark.yaml` for every key."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.benchmark import benchmark
from bsroformer.launch.command_line import quote_paths


@hydra.main(version_base="1.3", config_path="../configs", config_name="benchmark")
def main(cfg: DictConfig) -> object:
    return benchmark(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
