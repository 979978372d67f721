"""Compilation of a model's blocks, with a compiler that only interprets."""

import pytest
import torch

from bsroformer.cli.commands.train import compilation
from bsroformer.cli.commands.train.build import build_module
from bsroformer.cli.commands.train.compilation import compile_as_configured
from bsroformer.devices import compiler_problem
from bsroformer.errors import InputError
from bsroformer.models import SeparationModel
from support.launched import composed

CPU = torch.device("cpu")


@pytest.fixture
def eager_compiler(monkeypatch):
    """torch.compile without its code generator, whose C++ takes minutes."""
    compiled = []

    def compile_in_place(block, *_, **__):
        compiled.append(block)
        block._compiled_call_impl = torch.compile(block._call_impl, backend="eager", dynamic=False)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_in_place)
    monkeypatch.setattr(compilation, "compiler_problem", lambda device: None)
    return compiled


@pytest.mark.parametrize("blocks", [0, 1])
def test_compiled_blocks_have_the_same_loss_gradients_and_names(eager_compiler, blocks):
    """With and without recomputing them."""
    small = ("model=tiny", "model.trunk.dim=8", "model.trunk.depth=2", f"activation_checkpointing={blocks}")
    plain, compiled = (build_module(composed("train", *small)) for _ in range(2))
    compile_as_configured(compiled.model, True, CPU)
    assert eager_compiler == list(compiled.model.blocks)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    compiled.load_state_dict(plain.state_dict())
    stems = 0.1 * torch.randn(1, 4, 2, 8000)
    losses = []
    for module in (plain, compiled):
        loss, _ = module.loss(module(stems.sum(1)), stems)
        loss.backward()
        losses.append(loss.detach())
    torch.testing.assert_close(*losses)
    for (name, weight), other in zip(plain.named_parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, msg=name)


CANNOT_COMPILE = "Cannot find a working triton installation."


@pytest.mark.parametrize(("problem", "compiled"), [(None, True), (CANNOT_COMPILE, False)])
def test_auto_compiles_on_a_gpu_with_a_compiler(eager_compiler, monkeypatch, recwarn, tiny_model, problem, compiled):
    monkeypatch.setattr(compilation, "compiler_problem", lambda device: problem)
    compile_as_configured(tiny_model, "auto", torch.device("cuda", 1))
    assert bool(eager_compiler) == compiled
    warned = [str(warning.message) for warning in recwarn if "without compilation" in str(warning.message)]
    assert len(warned) == (0 if compiled else 1)
    assert all(CANNOT_COMPILE in message for message in warned)


class Uncompiled(SeparationModel):
    def forward(self, mixture):
        return mixture.unsqueeze(1)


def test_auto_compiles_neither_on_a_cpu_nor_what_cannot_be_compiled(eager_compiler, tiny_model):
    compile_as_configured(tiny_model, "auto", CPU)
    compile_as_configured(Uncompiled(tiny_model.settings), "auto", torch.device("cuda"))
    assert not eager_compiler
    with pytest.raises(InputError, match=r"compile=true cannot be used with architecture"):
        compile_as_configured(Uncompiled(tiny_model.settings), True, CPU)


def test_compilation_that_was_asked_for_and_fails_is_an_error(monkeypatch, tiny_model):
    monkeypatch.setattr(compilation, "compiler_problem", lambda device: CANNOT_COMPILE)
    with pytest.raises(InputError, match=r"compile=true, but PyTorch cannot compile for cpu here \(Cannot find"):
        compile_as_configured(tiny_model, True, CPU)


def test_the_compiler_is_tried_on_the_device(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function: function)
    assert compiler_problem(CPU) is None
