"""Report the GPU and whether a training fits; takes the keys of `scripts/train.py`."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("check-gpu")
