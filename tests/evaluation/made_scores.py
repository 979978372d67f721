"""Scores without songs."""

import math

from bsroformer.evaluation import Evaluation, TrackScores

STEMS = ("bass", "vocals")
METRICS = ("cSDR", "uSDR", "SI-SDR")


def song_scores(name, *decibels, frames=10, undefined=0, stems=STEMS):
    """A song where a stem has the same score in every metric and second; a stem of NaN dB is silent throughout."""
    by_stem = dict(zip(stems, decibels, strict=True))
    seconds = {stem: (math.nan,) * undefined + (db,) * (frames - undefined) for stem, db in by_stem.items()}
    return TrackScores(
        name,
        frames + 0.5,
        {stem: {"uSDR": db, "SI-SDR": db, "SI-SDRi": db + 5.0} for stem, db in by_stem.items()},
        {stem: {"SDR": of, "SIR": of, "SAR": of, "ISR": of} for stem, of in seconds.items()},
    )


def evaluation_of(method, kind, *songs, metrics=METRICS):
    return Evaluation(method, kind, tuple(songs[0].whole), metrics, songs)
