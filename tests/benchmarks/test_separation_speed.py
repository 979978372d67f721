import json

import pytest

from benchmarks import Separation
from bsroformer.errors import InputError


def benchmark(tree, **changes) -> Separation:
    usual = {"seconds": 0.3, "overlap": 0.5, "repeats": 1, "threads": 1, "device": "cpu", "engine": "torch"}
    return Separation(**({"settings": tree, "compile": False} | usual | changes))


@pytest.mark.slow
def test_ratios_errors_and_figures_of_each_way_are_found(tiny_tree):
    speeds = benchmark(tiny_tree).run()
    tree = speeds.to_dict()
    assert json.loads(json.dumps(tree)) == tree
    for way in ("plain", "plain_keeping_memory", "fp32", "bf16"):
        assert tree[way].keys() == {"seconds_per_minute_of_audio", "share_of_matmul_peak", "peak_memory_mb"}
        assert 0 < tree[way]["share_of_matmul_peak"] < 1
    assert {"ratio_bf16", "ratio_fp32", "ratio_bf16_to_plain_keeping_memory"} < tree.keys()
    one_round = tree["plain"]["seconds_per_minute_of_audio"] / tree["bf16"]["seconds_per_minute_of_audio"]
    assert tree["ratio_bf16"] == pytest.approx(one_round)
    assert tree["fp32_sdr_db"] > 80
    assert 35 < tree["bf16_sdr_db"] < tree["fp32_sdr_db"]
    assert speeds.table().row_count == 3 + 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repeats": 0}, "repeats=0"),
        ({"threads": 0}, "threads=0"),
        ({"seconds": 0.01}, "seconds=0.01 is shorter than a window"),
        ({"engine": "onnx"}, "engine=onnx"),
    ],
)
def test_what_measures_nothing_is_told(tiny_tree, changes, reason):
    with pytest.raises(InputError, match=reason):
        benchmark(tiny_tree, **changes).run()
