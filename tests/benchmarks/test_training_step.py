from functools import partial
from typing import Any

import pytest
import torch

from benchmarks import TrainingStep
from benchmarks.loop_layers import with_loops
from benchmarks.measure import operator_calls
from benchmarks.training_step import assert_equal_outputs
from bsroformer.devices import computes_bf16
from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training.step import noise_stems, plain_step
from support.benchmarked import ADAMW, step_settings, with_paper_bands


def benchmark(tree: dict[str, Any], **changes: Any) -> TrainingStep:
    return TrainingStep(**step_settings(tree, **changes))


@pytest.fixture
def paper_bands(tiny_tree) -> dict[str, Any]:
    return with_paper_bands(tiny_tree)


@pytest.mark.slow
def test_grouped_layers_need_a_sixth_of_the_calls(paper_bands):
    found = benchmark(paper_bands).run()
    assert found.ratios["calls"] > 6
    assert found.ratios["parameter_tensors"] > 10
    for way in found.ways.values():
        assert way["seconds"] > 0


needs_bf16 = pytest.mark.skipif(
    not computes_bf16(torch.device("cpu")),
    reason="without instructions for bfloat16, PyTorch computes each matrix of a batch in calls of its own",
)


@pytest.mark.parametrize("half", [None, pytest.param(torch.bfloat16, marks=needs_bf16)])
def test_a_step_makes_under_an_eighth_of_the_public_calls(paper_bands, half):
    """Compare ``lite``, in fp32 and bf16, with bs-roformer 1.2.4 in fp32.

    The reference is with plain AdamW (docs/benchmarks.md). Widths do not change the counts.
    """
    tree = {**paper_bands, "trunk": {"dim": 16, "depth": 4, "heads": 4, "dim_head": 4}, "masks": {"expansion": 4}}
    stems = noise_stems(ModelSettings.from_dict(tree), 1, 0.1)
    loss = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=2048, hop_length=512)
    model = BandSplitRoformer(ModelSettings.from_dict(tree))
    step = plain_step(model, loss, partial(ADAMW, fused=True), stems, half)
    step()  # makes the optimiser's moments
    assert operator_calls(step).total() <= 37_627 / 8


def test_autocast_adds_calls_that_cast(tiny_tree):
    full, half = (benchmark(tiny_tree, precision=precision).run() for precision in ("fp32", "bf16"))
    assert (full.conditions["precision"], half.conditions["precision"]) == ("fp32", "bf16")
    for way in ("grouped", "loop"):
        assert half.ways[way]["operator_calls"] > full.ways[way]["operator_calls"]


def test_the_count_does_not_grow_with_excerpt_and_batch(tiny_tree):
    counts = [
        benchmark(tiny_tree, seconds=seconds, batch_size=batch_size).run().ways["grouped"]["operator_calls"]
        for seconds, batch_size in ((0.05, 2), (0.1, 3))
    ]
    assert counts[0] == pytest.approx(counts[1], rel=0.01)  # equal but once, on a busy machine


def test_models_that_differ_are_not_compared(tiny_tree):
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree))
    stems, loss = noise_stems(model.settings, 1, 0.1), MultiDomainLoss(0.5, 0.3, 0.2, 64, 16)
    other = with_loops(model)
    torch.nn.init.zeros_(other.band_split.to_features[0][1].weight)
    steps = [plain_step(model, loss, ADAMW, stems) for model in (model, other)]
    with pytest.raises(AssertionError, match="not close"):
        assert_equal_outputs(*steps)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"repeats": 0}, "repeats=0"),
        ({"precision": "fp8"}, "precision=fp8"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"seconds": 0}, "seconds=0"),
        ({"device": "abacus"}, "device=abacus"),
    ],
)
def test_an_impossible_setting_is_named(tiny_tree, changes, named):
    with pytest.raises(InputError, match=named):
        benchmark(tiny_tree, **changes).run()
