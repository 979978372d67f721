"""Count the bytes that a forward pass saves for its backward pass."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedOperatorException,
)
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from bsroformer.models import SeparationModel
from bsroformer.models.abilities import RecomputesBlocks
from bsroformer.training.step import PlainStep

NEEDS_VALUES = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedOperatorException)
"""Errors of PyTorch where a forward pass cannot be computed with shapes alone."""


class ShapeOnlyMode(FakeTensorMode):
    """A context in which tensors have shapes and types, but no values and no memory.

    The inverse STFT checks whether the sum of its windows is zero anywhere, which is the only question about values.
    """

    def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer that check with no; leave all other functions to PyTorch."""
        if func is torch.ops.aten.equal.default:
            return False
        return super().dispatch(func, types, args, kwargs)


class SavedBytes(saved_tensors_hooks):
    """A context that counts and discards what autograd saves.

    Args:
        known: Tensors that exist anyway: neither they nor views of them are counted.

    Attributes:
        total: Bytes so far, each storage counted once.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__(self._count, refuse_backward)
        self.total = 0
        # A weak reference keeps the identity of a storage, so that no later storage can have it, but not its bytes.
        self.seen: dict[int, StorageWeakRef] = {}
        for tensor in known:
            self._is_new(tensor)

    def _is_new(self, tensor: Tensor) -> bool:
        reference = StorageWeakRef(tensor.untyped_storage())
        if reference.cdata in self.seen:
            return False
        self.seen[reference.cdata] = reference
        return True

    def _count(self, tensor: Tensor) -> Tensor:
        if self._is_new(tensor):
            self.total += tensor.untyped_storage().nbytes()
        return torch.empty(0)


def refuse_backward(_: Tensor) -> Tensor:
    """Raise an error when autograd reads a tensor that was only counted."""
    raise RuntimeError("a forward pass whose saved tensors were only counted has no backward pass")


class GpuAttention(TorchFunctionMode):
    """A context that computes attention as a GPU does.

    That is in the type of autocast, where CPUs use float32 for training, and without storing an attention matrix for
    dropout: CUDA's kernels store the random seed (Dao et al., arXiv 2205.14135, section 3.1), and the CPU's fused
    kernel has no dropout.

    Args:
        half: The type of autocast; None for float32.
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
        """Call `func`; compute attention without dropout and in the type of autocast."""
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        if self.half is not None:
            args = tuple(value.to(self.half) for value in args)
        kwargs = {**kwargs, "dropout_p": 0.0}
        return func(*args, **kwargs)


def peak_activations(step: PlainStep[SeparationModel]) -> int:
    """Count the bytes that a step saves for its backward pass, at their peak.

    The peak is at the start of the backward pass or, with activation checkpointing, when the last recomputed block has
    been recomputed: what later layers saved is free by then, and what earlier layers saved is still in memory.
    """
    model = step.model
    known = existing_tensors(step)
    saved = SavedBytes(known)
    if not isinstance(model, RecomputesBlocks) or not model.recomputed_blocks:
        with saved:
            step.forward()
        return saved.total
    last_block = model.recomputable_blocks[model.recomputed_blocks - 1]
    at_last_block: list[tuple[int, tuple[Any, ...]]] = []

    def record(_: object, inputs: tuple[Any, ...]) -> None:
        at_last_block.append((saved.total, inputs))

    with last_block.register_forward_pre_hook(record), saved:
        step.forward()
    before, inputs = at_last_block[0]
    recomputed = SavedBytes([*known, inputs[0]])
    with step.autocast(), recomputed:
        last_block(*inputs)
    return max(saved.total, before + recomputed.total)


def saved_in_forward(step: PlainStep[Any]) -> int:
    """Count the bytes that the forward pass and loss of any model save.

    Attention is computed as on a GPU.
    """
    saved = SavedBytes(existing_tensors(step))
    with GpuAttention(step.half), saved:
        step.forward()
    return saved.total


def existing_tensors(step: PlainStep[Any]) -> list[Tensor]:
    """The tensors of a step that exist before its forward pass."""
    return [*step.model.parameters(), *step.model.buffers(), *step.loss.buffers(), step.stems]
