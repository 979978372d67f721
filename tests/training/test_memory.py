from functools import partial

import pytest
import torch
from torch import nn

from bsroformer.hardware import GIB
from bsroformer.losses import MultiDomainLoss
from bsroformer.model import BandSplitRoformer, ModelSettings
from bsroformer.training.memory import CONTEXT, MemoryEstimate, SavedBytes, estimate_memory
from bsroformer.training.step import noise_stems, plain_step


def saved_bytes(known, call) -> int:
    saved = SavedBytes(known)
    with saved:
        call()
    return saved.total


def test_what_autograd_saves_is_counted_in_bytes():
    x = torch.ones(100, requires_grad=True)
    assert saved_bytes([], lambda: x.exp()) == 400  # its result, float32
    assert saved_bytes([], lambda: x.double().exp()) == 800
    assert saved_bytes([], lambda: x + x) == 0


def test_a_storage_is_counted_once_and_in_full():
    x = torch.ones(100, requires_grad=True)
    assert saved_bytes([], lambda: x.exp().sin()) == 400  # the result of exp is the input of sin

    def views_of_one() -> None:
        y = x + 1
        for view in (y[:10], y, y.view(10, 10)):
            view.sin()

    assert saved_bytes([], views_of_one) == 400


def test_known_tensors_and_their_views_are_not_counted():
    linear, x = nn.Linear(10, 10), torch.ones(3, 10, requires_grad=True)
    assert saved_bytes([], lambda: linear(x)) == linear.weight.nbytes + x.nbytes
    assert saved_bytes([*linear.parameters(), x], lambda: linear(x)) == 0


def test_storages_that_follow_each_other_at_one_address_are_told_apart():
    x = torch.ones(1000, requires_grad=True)
    assert saved_bytes([], lambda: [x.exp() for _ in range(50)]) == 50 * 4000


def test_a_pass_that_was_only_counted_has_no_backward_pass():
    x = torch.ones(100, requires_grad=True)
    with SavedBytes([]):
        y = x.exp().sum()
    with pytest.raises(RuntimeError, match="only counted"):
        y.backward()


def estimate(
    tree,
    seconds: float = 0.5,
    batch_size: int = 1,
    checkpointing: bool = False,
    half: torch.dtype | None = None,
) -> MemoryEstimate:
    model = BandSplitRoformer(ModelSettings.from_dict(tree))
    model.activation_checkpointing = checkpointing
    loss = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16)
    stems = noise_stems(model.settings, batch_size, seconds)
    return estimate_memory(plain_step(model, loss, partial(torch.optim.AdamW, lr=1e-3), stems, half))


@pytest.fixture
def deep_tree(tiny_tree):
    return {**tiny_tree, "trunk": {"dim": 16, "depth": 6, "heads": 2, "dim_head": 8}}


def test_activations_grow_with_excerpt_and_batch(tiny_tree):
    one = estimate(tiny_tree).activations
    assert estimate(tiny_tree, seconds=1).activations == pytest.approx(2 * one, rel=0.05)
    assert estimate(tiny_tree, batch_size=3).activations == pytest.approx(3 * one, rel=0.05)


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_checkpointing_saves_most_activations_of_a_deep_model(deep_tree, half):
    kept, recomputed = (estimate(deep_tree, checkpointing=on, half=half) for on in (False, True))
    assert recomputed.activations < kept.activations / 2
    assert (recomputed.weights, recomputed.optimizer) == (kept.weights, kept.optimizer)


def test_half_precision_takes_less_memory_whichever_it_is(deep_tree):
    found = [estimate(deep_tree, half=half).activations for half in (None, torch.bfloat16, torch.float16)]
    assert found[1] < 0.8 * found[0]
    assert found[2] == found[1]


def test_attention_is_counted_in_half_precision_as_on_a_gpu(tiny_tree):
    heads = {**tiny_tree, "trunk": {**tiny_tree["trunk"], "dim_head": 64}}
    full, half = (estimate(heads, half=half).activations for half in (None, torch.bfloat16))
    assert half < 0.6 * full  # attention's part is most of it here


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_count_is_what_pytorch_allocates(deep_tree, checkpointing):
    """The profiler's record of allocations on the CPU: the peak over forward and backward pass."""
    model = BandSplitRoformer(ModelSettings.from_dict(deep_tree))
    model.activation_checkpointing = checkpointing
    loss = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16)
    step = plain_step(model, loss, partial(torch.optim.SGD, lr=0), noise_stems(model.settings, 1, 1))
    step.forward().backward()  # gradients exist from here on
    with torch.profiler.profile(profile_memory=True) as profile:
        step.forward().backward()
    events = profile.profiler.kineto_results.events()
    sizes = torch.tensor([event.nbytes() for event in events if event.name() == "[memory]"])
    assert estimate_memory(step).activations == pytest.approx(sizes.cumsum(0).max().item(), rel=0.15)


def test_gradients_and_moments_are_as_large_as_the_weights(tiny_tree, tiny_model):
    found, parameters = estimate(tiny_tree), sum(parameter.nbytes for parameter in tiny_model.parameters())
    assert found.gradients == parameters
    assert found.optimizer == 2 * parameters
    assert found.weights >= parameters
    parts = found.weights + found.gradients + found.optimizer + found.activations
    assert found.total == parts + found.allowance
    assert found.allowance > CONTEXT


def test_the_share_that_fits_fills_the_memory():
    found = MemoryEstimate(weights=GIB, gradients=GIB, optimizer=2 * GIB, activations=4 * GIB)
    assert found.share_that_fits(found.total) == pytest.approx(1)
    share = found.share_that_fits(6 * GIB)
    smaller = MemoryEstimate(GIB, GIB, 2 * GIB, round(share * found.activations))
    assert smaller.total == pytest.approx(6 * GIB)
    assert found.share_that_fits(4 * GIB) < 0  # weights alone take more
