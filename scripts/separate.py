"""Separate songs; see `configs/separate.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("separate")
