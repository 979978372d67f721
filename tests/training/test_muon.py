"""Muon, against PyTorch's own for single matrices, and its AdamW against PyTorch's."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from bsroformer.training import muon
from bsroformer.training.muon import MATRICES, Muon, orthogonalised
from bsroformer.training.optimizer import first_states, groups_for, make_optimizer_of
from support import compression

STEPS = 4


def with_gradient(matrix: torch.Tensor, seed: int) -> nn.Parameter:
    parameter = nn.Parameter(matrix.clone())
    generator = torch.Generator().manual_seed(seed)
    parameter.grad = torch.randn(parameter.shape, generator=generator)
    return parameter


def give_gradients(parameters: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("shape", [(8, 8), (8, 24), (24, 8)])
def test_a_matrix_takes_the_step_of_pytorchs_muon(shape):
    torch.manual_seed(0)
    weight = torch.randn(shape)
    own, other = nn.Parameter(weight.clone()), nn.Parameter(weight.clone())
    optimizer = Muon([{"params": [own], MATRICES: [(1, *shape)]}], lr=0.1, weight_decay=0.3)
    reference = torch.optim.Muon([other], lr=0.1, weight_decay=0.3, adjust_lr_fn="match_rms_adamw")
    for step in range(STEPS):
        give_gradients([own], step)
        give_gradients([other], step)
        optimizer.step()
        reference.step()
    torch.testing.assert_close(own, other, rtol=0.02, atol=0.002)  # bfloat16, in another order of sums
    assert not torch.allclose(own, weight, atol=0.1)


def test_stacked_matrices_are_orthogonalised_one_by_one():
    torch.manual_seed(0)
    weight = torch.randn(12, 6)
    stacked = with_gradient(weight, seed=1)
    apart = [nn.Parameter(part.clone()) for part in weight.chunk(3)]
    for part, gradient in zip(apart, stacked.grad.chunk(3), strict=True):
        part.grad = gradient.clone()
    Muon([{"params": [stacked], MATRICES: [(3, 4, 6)]}], lr=0.1).step()
    Muon([{"params": apart, MATRICES: [(1, 4, 6)] * 3}], lr=0.1).step()
    torch.testing.assert_close(stacked, torch.cat(apart))


@pytest.mark.parametrize("has_bf16", [True, False])
def test_singular_values_become_about_one(monkeypatch, has_bf16):
    monkeypatch.setattr(muon, "computes_bf16", lambda _: has_bf16)
    torch.manual_seed(0)
    matrices = torch.randn(3, 16, 40) * torch.tensor([1e-3, 1.0, 1e3]).view(3, 1, 1)
    values = torch.linalg.svdvals(orthogonalised(matrices, iterations=5))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_without_bfloat16_it_is_computed_in_float32(monkeypatch):
    torch.manual_seed(0)
    matrices = torch.randn(2, 8, 16)
    monkeypatch.setattr(muon, "computes_bf16", lambda _: False)
    exact = orthogonalised(matrices, iterations=5)
    assert not torch.equal(exact, exact.bfloat16().float())


def test_a_gradient_of_zeros_changes_nothing():
    weight = torch.ones(4, 4)
    parameter = nn.Parameter(weight.clone())
    parameter.grad = torch.zeros_like(weight)
    Muon([{"params": [parameter], MATRICES: [(1, 4, 4)]}], lr=0.1, weight_decay=0).step()
    torch.testing.assert_close(parameter.detach(), weight, rtol=0, atol=0)


def test_each_parameter_of_a_model_is_in_one_group(tiny_model):
    groups = Muon.parameter_groups(tiny_model)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in tiny_model.parameters())
    hidden, decaying, others = groups
    assert MATRICES in hidden
    assert MATRICES not in decaying
    assert others["weight_decay"] == 0


def test_stacks_of_a_model_are_those_of_its_trunk(tiny_model):
    names = {parameter: name for name, parameter in tiny_model.named_parameters()}
    stacks = {names[weight]: weight.view(shape).shape for weight, shape in tiny_model.hidden_matrices()}
    trunk = tiny_model.settings.trunk
    inner = trunk.heads * trunk.dim_head
    assert stacks["blocks.0.time.attentions.0.to_qkv.weight"] == (3, inner, trunk.dim)
    assert stacks["blocks.0.time.attentions.0.to_out.weight"] == (1, trunk.dim, inner)
    assert stacks["blocks.0.band.feed_forwards.0.expand.weight"] == (1, 4 * trunk.dim, trunk.dim)
    assert len(stacks) == 2 * trunk.depth * 4
    assert all(name.startswith("blocks.") for name in stacks)


def test_convolutions_are_matrices_of_all_their_taps():
    model = compression.small()
    shapes = {weight.view(shape).shape for weight, shape in model.hidden_matrices() if weight.ndim == 3}
    trunk = model.settings.trunk
    expand = (1, 2 * trunk.hidden, trunk.kernel * trunk.dim)
    contract = (1, trunk.dim, trunk.kernel * trunk.hidden)
    assert shapes == {expand, contract}


def test_all_other_weights_take_the_step_of_adamw(tiny_model):
    other = copy.deepcopy(tiny_model)
    settings = {"lr": 0.01, "betas": (0.9, 0.95), "weight_decay": 0.1}
    optimizer = make_optimizer_of(tiny_model, partial(Muon, **settings))
    reference = make_optimizer_of(other, partial(torch.optim.AdamW, **settings))
    for step in range(STEPS):
        give_gradients(list(tiny_model.parameters()), step)
        give_gradients(list(other.parameters()), step)
        optimizer.step()
        reference.step()
    hidden = {id(parameter) for parameter, _ in tiny_model.hidden_matrices()}
    for own, expected in zip(tiny_model.parameters(), other.parameters(), strict=True):
        if id(own) in hidden:
            assert not torch.equal(own, expected)
        else:
            torch.testing.assert_close(own, expected, rtol=0, atol=0)


def test_saved_and_loaded_it_continues_bit_for_bit(tiny_model):
    other = copy.deepcopy(tiny_model)
    make = partial(Muon, lr=0.01)
    optimizer, resumed = make_optimizer_of(tiny_model, make), make_optimizer_of(other, make)
    for step in range(STEPS):
        give_gradients(list(tiny_model.parameters()), step)
        optimizer.step()
    other.load_state_dict(tiny_model.state_dict())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for model, each in ((tiny_model, optimizer), (other, resumed)):
        give_gradients(list(model.parameters()), STEPS)
        each.step()
    for own, expected in zip(tiny_model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=0, atol=0)


def test_a_matrix_keeps_one_moment_and_other_weights_two(tiny_model):
    make = partial(Muon, lr=0.01)
    states = first_states(tiny_model, make)
    groups = groups_for(make, tiny_model)
    hidden = len(groups[0]["params"])
    assert all(state.keys() == {"momentum_buffer"} for state in states[:hidden])
    assert all(state.keys() == {"step", "exp_avg", "exp_avg_sq"} for state in states[hidden:])


def test_a_model_without_hidden_matrices_is_trained_by_adamw():
    torch.manual_seed(0)
    layer = nn.Linear(4, 4)
    other = copy.deepcopy(layer)
    settings = {"lr": 0.01, "betas": (0.9, 0.95), "weight_decay": 0.1}
    optimizers = (
        make_optimizer_of(layer, partial(Muon, **settings)),
        make_optimizer_of(other, partial(torch.optim.AdamW, **settings)),
    )
    for each, optimizer in zip((layer, other), optimizers, strict=True):
        give_gradients(list(each.parameters()), seed=1)
        optimizer.step()
    torch.testing.assert_close(layer.weight, other.weight, rtol=0, atol=0)
