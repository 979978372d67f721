"""See what PyTorch sees and whether a training fits; takes what `scripts/train.py` takes."""

import sys

import hydra
from omegaconf import DictConfig

from bsroformer.launch.check_gpu import check_gpu
from bsroformer.launch.command_line import quote_paths


@hydra.main(version_base="1.3", config_path="../configs", config_name="check_gpu")
def main(cfg: DictConfig) -> object:
    return check_gpu(cfg)


if __name__ == "__main__":
    sys.argv[1:] = quote_paths(sys.argv[1:])
    main()
