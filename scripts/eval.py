"""Evaluate a checkpoint; see `configs/eval.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("evaluate")
