"""See what PyTorch sees and whether a training fits; takes what `scripts/train.py` takes."""

from bsroformer.cli import run

if __name__ == "__main__":
    run("check-gpu")
