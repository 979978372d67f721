"""Separate songs in the browser; see `configs/app.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("studio")
