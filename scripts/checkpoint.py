"""Inspect a checkpoint, or write it in another form; see `configs/checkpoint.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("checkpoint")
