import math

import pytest

from bsroformer.evaluation import Evaluation, SongScores

STEMS = ("bass", "vocals")
METRICS = ("SI-SDR", "SI-SDRi", "uSDR", "cSDR")


def song(name, bass, vocals):
    """A song where each stem has the same score in every metric, against a mixture of -5 dB."""

    def scores(values):
        return {stem: dict.fromkeys(METRICS, value) for stem, value in zip(STEMS, values, strict=True)}

    baseline = [math.nan if math.isnan(value) else -5.0 for value in (bass, vocals)]
    return SongScores(name, 10.0, scores((bass, vocals)), scores(baseline), frames=10, undefined_frames=2)


@pytest.fixture
def evaluation():
    """Three songs; the vocals of the last are silent."""
    songs = song("One", 1.0, 4.0), song("Two", 2.0, 8.0), song("Three, Sung", 9.0, math.nan)
    return Evaluation(STEMS, METRICS, songs)
