import math
import sys
from multiprocessing import get_context

import pytest

from benchmarks import Loading
from benchmarks.measure import memory_growth
from bsroformer.errors import InputError

MIB = 2**20


@pytest.fixture
def large_tree(tiny_tree) -> dict:
    """A model of 30 MB, so that its weights are most of what loading it takes."""
    tiny_tree["trunk"] |= {"dim": 256, "heads": 8, "dim_head": 32, "depth": 4}
    return tiny_tree


@pytest.mark.slow
def test_both_ways_load_the_same_model_and_the_mapped_one_holds_little_more_than_the_weights(large_tree):
    comparison = Loading(large_tree, repeats=1).run()
    figures = comparison.ways["mapped"]
    assert comparison.conditions["parameters"] > 6e6
    assert figures["seconds"] > 0 and comparison.ratios["seconds"] > 0
    if sys.platform == "linux":
        assert figures["peak_memory_over_weights"] < 1.6 < comparison.ways["plain"]["peak_memory_over_weights"]


def test_no_repeats_are_told(tiny_tree):
    with pytest.raises(InputError, match="repeats=0"):
        Loading(tiny_tree, repeats=0).run()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_memory_grows_by_what_a_call_takes():
    with get_context("spawn").Pool(1) as pool:
        growth = pool.apply(memory_growth, (bytearray, 300 * MIB))
    assert 299 * MIB < growth < 320 * MIB


def test_where_the_system_does_not_tell_the_growth_is_nan(monkeypatch):
    monkeypatch.setattr("benchmarks.measure.largest_memory", lambda: math.nan)
    assert math.isnan(memory_growth(print))
