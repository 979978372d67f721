import math

import pytest
from made_scores import evaluation_of, song_scores

from bsroformer.evaluation import Failure, Results


@pytest.fixture
def evaluation():
    """Three songs; the vocals of the last are silent, and two of its seconds have no score."""
    songs = (
        song_scores("One", 1.0, 4.0),
        song_scores("Two", 2.0, 8.0),
        song_scores("Three, Sung", 9.0, math.nan, undefined=2),
    )
    return evaluation_of("lite", "model", *songs)


@pytest.fixture
def results(evaluation):
    """The mixture, two models and an oracle; the second model failed on a song, another song could not be read."""
    mixture = [song_scores(song.song, -5.0, -5.0 + 0 * song.whole["vocals"]["uSDR"]) for song in evaluation.songs]
    better = song_scores("One", 2.0, 5.5), song_scores("Three, Sung", 10.0, math.nan, undefined=3)
    best = [song_scores(song.song, 12.0, 12.0 + 0 * song.whole["vocals"]["uSDR"]) for song in evaluation.songs]
    failures = (
        Failure("Two", "full", "The estimates hold NaN; separate in float32."),
        Failure("Four", None, "vocals.wav cannot be read."),
    )
    return Results(
        (
            evaluation_of("mixture", "mixture", *mixture),
            evaluation,
            evaluation_of("full", "model", *better),
            evaluation_of("IRM1", "oracle", *best),
        ),
        failures,
        made={"methods": {"lite": {"checkpoint": "lite.ckpt"}}},
    )
