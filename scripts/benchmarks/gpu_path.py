"""The operators of a GPU in steps without values, on a machine without one."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bsroformer.models import cpu_training
from bsroformer.training.memory.activations import ShapeOnlyMode


@contextmanager
def gpu_path() -> Iterator[None]:
    """Make tensors without values, and compute with the operators that a GPU would compute with.

    The tensors are on the CPU, since PyTorch has no backward pass for those on a GPU that does not exist. Models choose
    their operators as on a GPU; normalisation is one fused operator, and attention has no operators for dropout.
    """
    with ExitStack() as stack:
        stack.enter_context(ShapeOnlyMode(allow_non_fake_inputs=True))  # the window of a loss has values
        stack.enter_context(GpuOperators())
        stack.enter_context(patch.object(cpu_training, "trains_on_cpu", return_value=False))
        yield


class GpuOperators(TorchFunctionMode):
    """A context that replaces functions which PyTorch computes on GPUs, but not on CPUs, in one operator."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`, or the operator of a GPU in its place."""
        kwargs = kwargs or {}
        if func is F.rms_norm:
            return gpu_rms_norm(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            kwargs = {**kwargs, "dropout_p": 0.0}
        return func(*args, **kwargs)


def gpu_rms_norm(x: Tensor, shape: tuple[int, ...], weight: Tensor | None = None, eps: float = 0.0) -> Tensor:
    """Normalise as CUDA: of contiguous vectors, which it copies if need be, and under autocast in float32."""
    if torch.is_autocast_enabled("cpu"):
        x = x.float()
    normed, _ = fused_rms_norm(x.contiguous(), x.new_ones(shape) if weight is None else weight)
    return normed


@torch.library.custom_op("benchmarks::fused_rms_norm", mutates_args=())
def fused_rms_norm(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return normalised vectors ``(... d)`` and the inverse of their root mean squares ``(... 1)``."""
    raise NotImplementedError("only counted")


@fused_rms_norm.register_fake
def _(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), x.new_empty(*x.shape[:-1], 1)


@torch.library.custom_op("benchmarks::fused_rms_norm_backward", mutates_args=())
def fused_rms_norm_backward(grad: Tensor, x: Tensor, inverse: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the vectors and of the weight."""
    raise NotImplementedError("only counted")


@fused_rms_norm_backward.register_fake
def _(grad: Tensor, x: Tensor, inverse: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(weight)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    x, weight, inverse = ctx.saved_tensors
    gradients: tuple[Tensor, Tensor] = fused_rms_norm_backward(grad.contiguous(), x, inverse, weight)
    return gradients


fused_rms_norm.register_autograd(_backward, setup_context=_save)
