import json

import pytest
import torch

from benchmarks import Evaluation
from benchmarks import evaluation as module
from bsroformer.errors import InputError
from bsroformer.metrics import bss_eval, bss_eval_available

needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


def benchmark(**changes) -> Evaluation:
    return Evaluation(
        **({"songs": 2, "stems": 2, "seconds": 1, "sample_rate": 2000, "channels": 1, "repeats": 1} | changes)
    )


@pytest.mark.slow
@needs_museval
def test_times_memory_and_ratios_are_found():
    comparison = benchmark().run()
    tree = comparison.to_dict()
    assert json.loads(json.dumps(tree)) == tree
    assert tree["bsroformer"].keys() == tree["museval"].keys()
    ours, theirs = tree["bsroformer"], tree["museval"]
    assert 0 < ours["seconds_per_minute_of_audio_SDR"] < theirs["seconds_per_minute_of_audio_SDR"]
    assert tree["ratio_SDR"] == pytest.approx(
        theirs["seconds_per_minute_of_audio_SDR"] / ours["seconds_per_minute_of_audio_SDR"]
    )
    assert comparison.table().row_count == 3


@needs_museval
def test_different_scores_are_not_compared(monkeypatch):
    def wrong(*song):
        return {name: db + 1e-3 for name, db in bss_eval(*song).items()}

    monkeypatch.setattr(module, "by_museval", wrong)
    with pytest.raises(AssertionError, match="not close"):
        benchmark().run()


@pytest.mark.parametrize("nothing", [{"repeats": 0}, {"songs": 0}, {"seconds": 0.5}])
def test_what_measures_nothing_is_told(nothing):
    with pytest.raises(InputError, match="measure nothing"):
        benchmark(**nothing).run()


def test_without_museval_it_is_told(monkeypatch):
    monkeypatch.setattr(module, "bss_eval_available", lambda: False)
    with pytest.raises(InputError, match="FFmpeg"):
        benchmark().run()


def test_noise_songs_are_the_same_each_time():
    first, second = (module.noise_song(benchmark(), 3) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert first[0].shape == (2, 1, 2000)
