"""Prepare songs for training, check them, or preview augmentation; see `configs/prepare.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("prepare")
