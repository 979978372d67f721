from functools import partial

import pytest
import torch
from torch import nn

from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss
from bsroformer.models import ModelSettings, register_architecture
from bsroformer.models.adaptation import Adaptation, adapt
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training.memory.activations import GpuAttention, SavedBytes, peak_activations
from bsroformer.training.memory.estimate import (
    CONTEXT,
    MemoryEstimate,
    StepSize,
    estimate_memory,
    optimizer_share,
)
from bsroformer.training.step import PlainStep, noise_stems, plain_step
from support import mask_net
from support.adapted import lora


def saved_bytes(known, call) -> int:
    saved = SavedBytes(known)
    with saved:
        call()
    return saved.total


def test_tensors_saved_by_autograd_are_counted_in_bytes():
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


def test_storages_at_one_address_are_distinguished():
    x = torch.ones(1000, requires_grad=True)
    assert saved_bytes([], lambda: [x.exp() for _ in range(50)]) == 50 * 4000


def test_a_pass_that_was_only_counted_has_no_backward_pass():
    x = torch.ones(100, requires_grad=True)
    with SavedBytes([]):
        y = x.exp().sum()
    with pytest.raises(RuntimeError, match="only counted"):
        y.backward()


def loss() -> MultiDomainLoss:
    return MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16)


def estimate(
    tree,
    seconds: float = 0.5,
    batch_size: int = 1,
    blocks: int = 0,
    half: torch.dtype | None = None,
    averaged: bool = False,
) -> MemoryEstimate:
    size = StepSize(batch_size, seconds, blocks, half, averaged)
    return estimate_memory(ModelSettings.from_dict(tree), loss, size)


@pytest.fixture
def deep_tree(tiny_tree):
    return {**tiny_tree, "trunk": {"dim": 16, "depth": 6, "heads": 2, "dim_head": 8}}


def test_activations_grow_with_excerpt_and_batch(tiny_tree):
    one = estimate(tiny_tree).activations
    assert estimate(tiny_tree, seconds=1).activations == pytest.approx(2 * one, rel=0.05)
    assert estimate(tiny_tree, batch_size=3).activations == pytest.approx(3 * one, rel=0.05)


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_checkpointing_saves_most_activations_of_a_deep_model(deep_tree, half):
    kept, recomputed = (estimate(deep_tree, blocks=blocks, half=half) for blocks in (0, 6))
    assert recomputed.activations < kept.activations / 2
    assert (recomputed.weights, recomputed.optimizer) == (kept.weights, kept.optimizer)


def test_either_half_precision_takes_less_memory(deep_tree):
    found = [estimate(deep_tree, half=half).activations for half in (None, torch.bfloat16, torch.float16)]
    assert found[1] < 0.8 * found[0]
    assert found[2] == found[1]


def test_attention_is_counted_in_half_precision_as_on_a_gpu(tiny_tree):
    heads = {**tiny_tree, "trunk": {**tiny_tree["trunk"], "dim_head": 64}}
    full, half = (estimate(heads, half=half).activations for half in (None, torch.bfloat16))
    assert half < 0.6 * full  # attention's part is most of it here


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_each_block_that_is_recomputed_takes_less(deep_tree, half):
    found = [estimate(deep_tree, blocks=blocks, half=half).activations for blocks in range(7)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 4


def real_step(tree, blocks: int, half: torch.dtype | None = None) -> PlainStep:
    model = BandSplitRoformer(ModelSettings.from_dict(tree))
    model.recomputed_blocks = blocks
    return plain_step(model, loss(), partial(torch.optim.SGD, lr=0), noise_stems(model.settings, 1, 1), half)


@pytest.mark.parametrize("half", [None, torch.bfloat16])
@pytest.mark.parametrize("blocks", [0, 2, 6])
def test_tensors_without_values_are_counted_as_real_ones(deep_tree, blocks, half):
    with GpuAttention(half):
        real = peak_activations(real_step(deep_tree, blocks, half))
    assert estimate(deep_tree, seconds=1, blocks=blocks, half=half).activations == real


@pytest.mark.parametrize("blocks", [0, 3, 6])
def test_the_count_is_what_pytorch_allocates(deep_tree, blocks):
    """Compare with the peak of the profiler's record of allocations on the CPU."""
    step = real_step(deep_tree, blocks)
    step.forward().backward()  # gradients exist from here on
    with torch.profiler.profile(profile_memory=True) as profile:
        step.forward().backward()
    events = profile.profiler.kineto_results.events()
    sizes = torch.tensor([event.nbytes() for event in events if event.name() == "[memory]"])
    assert peak_activations(step) == pytest.approx(sizes.cumsum(0).max().item(), rel=0.15)


@pytest.fixture
def paper_tree(deep_tree):
    """Attention over many frames with dropout.

    Each matrix would take 2 x 4000 x 500^2 bytes.
    """
    return {**deep_tree, "trunk": {**deep_tree["trunk"], "depth": 1, "dropout": 0.1}}


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_no_attention_matrix_is_kept_for_dropout_on_a_gpu(paper_tree, half):
    without = {**paper_tree, "trunk": {**paper_tree["trunk"], "dropout": 0.0}}
    settings = ModelSettings.from_dict(paper_tree)
    frames, bands = 0.5 * settings.sample_rate / settings.stft.hop_length, 4
    matrices = bands * settings.trunk.heads * frames**2 * (4 if half is None else 2)  # of attention over time
    added = estimate(paper_tree, half=half).activations - estimate(without, half=half).activations
    assert 0 < added < 0.5 * matrices


def test_a_cpus_attention_matrices_are_counted(paper_tree):
    size = StepSize(1, 1.0, on_cpu=True)
    found = estimate_memory(ModelSettings.from_dict(paper_tree), loss, size).activations
    assert found == peak_activations(real_step(paper_tree, blocks=0))
    assert found > 2 * estimate(paper_tree, seconds=1).activations


@pytest.mark.parametrize(
    ("optimizer", "copies"),
    [
        (partial(torch.optim.AdamW, lr=0.1), 2),
        (partial(torch.optim.AdamW, lr=0.1, amsgrad=True), 3),
        (partial(torch.optim.SGD, lr=0.1), 0),
        (partial(torch.optim.SGD, lr=0.1, momentum=0.9), 1),
        (partial(torch.optim.RMSprop, lr=0.1), 1),
    ],
)
def test_the_optimisers_state_is_counted(tiny_tree, optimizer, copies):
    settings = ModelSettings.from_dict(tiny_tree)
    share = optimizer_share(settings, optimizer)
    assert share == copies
    found = estimate_memory(settings, loss, StepSize(1, 0.5, optimizer_share=share))
    assert found.optimizer == copies * found.gradients


def test_gradients_moments_and_average_are_as_large_as_weights(tiny_tree, tiny_model):
    found, parameters = estimate(tiny_tree, averaged=True), sum(each.nbytes for each in tiny_model.parameters())
    assert found.gradients == found.average == parameters
    assert found.optimizer == 2 * parameters
    assert found.weights >= parameters
    assert found.counted == found.weights + found.gradients + found.optimizer + found.average + found.activations
    assert found.total == found.counted + found.allowance
    assert found.allowance > CONTEXT
    assert estimate(tiny_tree).total == found.total - parameters


def test_a_formula_of_the_architecture_replaces_the_count():
    class Formula(mask_net.MaskNet):
        def activation_bytes(self, batch_size: int, seconds: float, bytes_per_value: int) -> int:
            return round(1000 * batch_size * seconds) * bytes_per_value

    with mask_net.registered():
        register_architecture(mask_net.NAME, mask_net.MaskNetSettings)(Formula)
        assert estimate(mask_net.tree(), batch_size=3).activations == 1500 * 4
        assert estimate(mask_net.tree(), batch_size=3, half=torch.bfloat16).activations == 1500 * 2


def test_a_model_that_depends_on_values_has_no_count():
    class Values(mask_net.MaskNet):
        def forward(self, mixture: torch.Tensor) -> torch.Tensor:
            return super().forward(mixture / mixture.abs().max().item())

    with mask_net.registered():
        register_architecture(mask_net.NAME, mask_net.MaskNetSettings)(Values)
        with pytest.raises(InputError, match="memory of architecture mask_net cannot be estimated"):
            estimate(mask_net.tree())


ADAPTED = Adaptation(lora=lora(), train_only=("band_split",))


def test_only_trained_weights_have_gradients_and_moments(tiny_tree, tiny_model):
    settings = ModelSettings.from_dict(tiny_tree)
    share = optimizer_share(settings, partial(torch.optim.AdamW, lr=1e-3), ADAPTED)
    size = StepSize(1, 0.5, averaged=True, optimizer_share=share, adaptation=ADAPTED)
    found = estimate_memory(settings, loss, size)
    adapt(tiny_model, ADAPTED)
    trained = 4 * sum(weight.numel() for weight in tiny_model.parameters() if weight.requires_grad)
    assert share == 2
    assert (found.gradients, found.optimizer, found.average) == (trained, 2 * trained, trained)


def test_frozen_matrices_take_two_bytes_in_half_precision(tiny_tree, tiny_model):
    settings = ModelSettings.from_dict(tiny_tree)
    full, half = (
        estimate_memory(settings, loss, StepSize(1, 0.5, half=kind, adaptation=ADAPTED)).weights
        for kind in (None, torch.bfloat16)
    )
    adapt(tiny_model, ADAPTED)
    named = tiny_model.named_parameters()
    frozen = sum(weight.numel() for name, weight in named if not weight.requires_grad and name.endswith("weight"))
    assert full - half == 2 * frozen


@pytest.mark.parametrize("blocks", [0, 2])
def test_activations_of_an_adapted_model_are_counted(deep_tree, blocks):
    step = real_step(deep_tree, blocks)
    whole = peak_activations(step)
    adapt(step.model, ADAPTED)
    size = StepSize(1, 1, blocks, on_cpu=True, adaptation=ADAPTED)
    found = estimate_memory(ModelSettings.from_dict(deep_tree), loss, size).activations
    assert found == peak_activations(step) < whole
