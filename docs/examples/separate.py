"""Separate a song in Python: ``python separate.py model.ckpt song.mp3``."""

import sys

import bsroformer
from bsroformer.audio.files import read


def main(checkpoint: str, song: str) -> None:
    model = bsroformer.load_model(checkpoint)
    separator = bsroformer.Separator(model, overlap=0.5, device="auto")

    # A file of any length, in constant memory: one file for each stem.
    bsroformer.separate_file(separator, song, "separated/song", bsroformer.Delivery(format="flac"))

    # Samples in memory, at the model's rate: (c t) -> (n c t).
    mixture, sample_rate = read(song)
    if sample_rate == separator.sample_rate and mixture.shape[0] == separator.channels:
        stems = separator(mixture)
        for name, stem in zip(separator.stems, stems, strict=True):
            print(f"{name}: peak {stem.abs().max():.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
