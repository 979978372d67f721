"""Compare two models on songs with known stems: ``python compare.py lite.ckpt full.ckpt musdb18hq``."""

import sys

import bsroformer


def main(first: str, second: str, root: str) -> None:
    separators = {
        "first": bsroformer.Separator(bsroformer.load_model(first)),
        "second": bsroformer.Separator(bsroformer.load_model(second)),
    }
    stems = separators["first"].stems
    songs = bsroformer.songs_in(root, split="test", stems=stems)
    results = bsroformer.evaluate(separators, songs, folder="comparison")  # writes comparison/report.html
    for name in separators:
        average = results[name].averages["mean"]  # over stems
        print(f"{name}: {average['SI-SDR']:.2f} dB SI-SDR, {average['cSDR']:.2f} dB cSDR")
    difference = results.differences[0].scores["mean"]["SI-SDR"]
    print(f"second - first: {difference.difference:.2f} dB SI-SDR")


if __name__ == "__main__":
    main(*sys.argv[1:])
