"""Measure the program; see `configs/benchmark.yaml` for every key."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("benchmark")
