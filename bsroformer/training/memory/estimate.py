"""How much memory training takes: an estimate that computes nothing, and the peak of real steps on a GPU."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedOperatorException,
)
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from bsroformer.errors import InputError
from bsroformer.hardware import GIB
from bsroformer.models import ModelSettings, SeparationModel, build_model
from bsroformer.models.abilities import EstimatesActivations, RecomputesBlocks, set_recomputed_blocks
from bsroformer.training.step import PlainStep, noise_stems

CONTEXT = GIB // 2
"""Allowance for CUDA's context and its libraries' workspaces: 0.3 to 0.6 GiB on consumer cards."""
PASSING = 0.15
"""Allowance, over the activations, for what passes by in the backward pass and for gaps in the memory."""
NEEDS_VALUES = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedOperatorException)
"""What PyTorch raises where a forward pass cannot be made with shapes alone."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a training step takes on a GPU.

    Attributes:
        weights: Parameters and buffers.
        gradients: As large as the parameters.
        optimizer: The optimiser's state: of AdamW two moments.
        average: The averaged weights (EMA), if they are kept.
        activations: What the forward pass keeps for the backward pass, at the peak of the latter.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int

    @property
    def allowance(self) -> int:
        """For what is not counted: see `CONTEXT` and `PASSING`."""
        return CONTEXT + round(PASSING * self.activations)

    @property
    def counted(self) -> int:
        """All that is counted."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations

    @property
    def total(self) -> int:
        """All of it."""
        return self.counted + self.allowance


@dataclass(frozen=True)
class StepSize:
    """What decides how much memory a step of a model takes.

    Attributes:
        batch_size: Excerpts in a step.
        seconds: Length of an excerpt.
        recomputed_blocks: How many blocks are recomputed in the backward pass.
        half: What autocast computes matmuls in; None: float32.
        averaged: Whether averaged weights are kept besides.
        optimizer_share: Bytes of the optimiser's state for a byte of parameters; see `optimizer_share`.
        on_cpu: Whether a CPU computes it, whose attention works in float32 and keeps what it drops.
    """

    batch_size: int
    seconds: float
    recomputed_blocks: int = 0
    half: torch.dtype | None = None
    averaged: bool = False
    optimizer_share: float = 2.0
    on_cpu: bool = False


class Unreal(FakeTensorMode):
    """A context in which tensors have shapes and types and no values: nothing is computed, and no memory taken.

    The inverse STFT asks whether its windows add up to zero somewhere, the only question about values: they do not.
    """

    def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer that question; leave all else to PyTorch."""
        if func is torch.ops.aten.equal.default:
            return False
        return super().dispatch(func, types, args, kwargs)


def estimate_memory(settings: ModelSettings, make_loss: Callable[[], nn.Module], size: StepSize) -> MemoryEstimate:
    """Count what a training step takes, on any machine: a forward pass of model and loss whose tensors are `Unreal`.

    What would be saved for the backward pass is counted as on a CPU, whose operators save what CUDA's do, attention
    aside (see `HalfAttention`); an architecture with the ability `EstimatesActivations` has a formula instead.

    Raises:
        InputError: If the architecture has none, and what it computes depends on values.
    """
    with Unreal():
        model = build_model(settings).train()
        set_recomputed_blocks(model, size.recomputed_blocks)
        step = PlainStep(model, make_loss(), None, noise_stems(settings, size.batch_size, size.seconds), size.half)
        activations = estimate_activations(step, size)
    parameters = total_bytes(model.parameters())
    return MemoryEstimate(
        weights=parameters + total_bytes(model.buffers()),
        gradients=parameters,
        optimizer=round(size.optimizer_share * parameters),
        average=parameters if size.averaged else 0,
        activations=activations,
    )


def estimate_activations(step: PlainStep[SeparationModel], size: StepSize) -> int:
    """Estimate the bytes that a step without values keeps for its backward pass: see `estimate_memory`."""
    model = step.model
    if isinstance(model, EstimatesActivations):
        bytes_per_value = torch.finfo(size.half or torch.float32).bits // 8
        return model.activation_bytes(size.batch_size, size.seconds, bytes_per_value)
    try:
        with nullcontext() if size.on_cpu else HalfAttention(size.half):
            return peak_activations(step)
    except NEEDS_VALUES as error:
        raise InputError(
            f"the memory of architecture {model.settings.architecture} cannot be estimated, since what it computes "
            f"depends on values ({str(error).splitlines()[0]:.80}); measure it in a short training"
        ) from error


def optimizer_share(make_optimizer: Callable[[Iterable[Any]], Optimizer]) -> float:
    """Bytes that an optimiser keeps for each byte of parameters, by a step on one matrix: 2 for AdamW, 0 for SGD."""
    matrix = nn.Parameter(torch.zeros(64, 64))
    matrix.grad = torch.zeros_like(matrix)
    optimizer = make_optimizer([{"params": [matrix]}])
    optimizer.step(lambda: 0.0)
    kept = (value for value in optimizer.state[matrix].values() if isinstance(value, Tensor))
    return sum(value.nbytes for value in kept if value.ndim) / matrix.nbytes


def peak_activations(step: PlainStep[SeparationModel]) -> int:
    """Bytes that a step saves for its backward pass, at their peak.

    That is where the backward pass begins or, with activation checkpointing, where it is back at the last block
    that it recomputes: what came after is free by then, and what came before is still there.
    """
    model = step.model
    known = [*model.parameters(), *model.buffers(), *step.loss.buffers(), step.stems]
    saved = SavedBytes(known)
    if not isinstance(model, RecomputesBlocks) or not model.recomputed_blocks:
        with saved:
            step.forward()
        return saved.total
    last_block = model.recomputable_blocks[model.recomputed_blocks - 1]
    at_last_block: list[tuple[int, tuple[Any, ...]]] = []
    hook = last_block.register_forward_pre_hook(lambda _, inputs: at_last_block.append((saved.total, inputs)))
    with hook, saved:
        step.forward()
    before, inputs = at_last_block[0]
    recomputed = SavedBytes([*known, inputs[0]])
    with step.autocast(), recomputed:
        last_block(*inputs)
    return max(saved.total, before + recomputed.total)


def saved_in_forward(step: PlainStep[Any]) -> int:
    """Bytes that forward pass and loss of any model save for the backward pass, attention as a GPU computes it."""
    saved = SavedBytes([*step.model.parameters(), *step.model.buffers(), *step.loss.buffers(), step.stems])
    with HalfAttention(step.half), saved:
        step.forward()
    return saved.total


def refuse(_: Tensor) -> Tensor:
    """What autograd is given instead of a saved tensor that it asks for: an error."""
    raise RuntimeError("a forward pass whose saved tensors were only counted has no backward pass")


def total_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' elements."""
    return sum(tensor.nbytes for tensor in tensors)


class SavedBytes(saved_tensors_hooks):
    """A context that counts what autograd would keep for a backward pass; nothing is, so none can follow.

    Args:
        known: Tensors that are there anyway: neither they nor views of them are counted.

    Attributes:
        total: Bytes so far, each storage counted once.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__(self._count, refuse)
        self.total = 0
        # A weak reference keeps the identity of a storage, which no later one can take, but not its bytes.
        references = (StorageWeakRef(tensor.untyped_storage()) for tensor in known)
        self.seen = {reference.cdata: reference for reference in references}

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)
        if reference.cdata not in self.seen:
            self.seen[reference.cdata] = reference
            self.total += storage.nbytes()
        return torch.empty(0)


class HalfAttention(TorchFunctionMode):
    """A context that computes attention as a GPU does.

    That is in the type of autocast, where CPUs train it in float32, and without keeping an attention matrix for its
    dropout: CUDA's kernels keep the seed of what they dropped (Dao et al., arXiv 2205.14135, section 3.1), and the
    CPU's fused kernel has no dropout.

    Args:
        half: The type; None for float32.
    """

    def __init__(self, half: torch.dtype | None) -> None:
        super().__init__()
        self.half = half

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`; if it is attention, without dropout and in the type of autocast."""
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        if self.half is not None:
            args = tuple(value.to(self.half) for value in args)
        return func(*args, **kwargs | {"dropout_p": 0.0})


def peak_of_steps(step: PlainStep[Any]) -> int:
    """Bytes that PyTorch takes from a CUDA GPU at the peak of real steps, CUDA's context aside.

    Two steps: the first makes the optimiser's moments, the second has them from its start.

    Raises:
        torch.OutOfMemoryError: If they do not fit.
    """
    device = step.stems.device
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    for _ in range(2):
        step()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_reserved(device)
