"""Train a model; see `configs/train.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("train")
