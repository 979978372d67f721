"""Root-mean-square normalisation."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bsroformer.models import cpu_training

NORM_FLOOR = 1e-12
"""Lower bound of the divisor, as in the public checkpoints' ``F.normalize``."""


def rms_norm(x: Tensor, gamma: Tensor) -> Tensor:
    """Scale the vectors ``(... d)`` to a root mean square of 1, then by `gamma`.

    `gamma` has shape ``(d)``, or one that broadcasts.

    Equal to ``x / max(|x|, 1e-12) * d ** 0.5 * gamma``: the floor enters as the epsilon of the fused operator,
    which differs from a hard floor only for vectors whose norm is itself around 1e-12.

    PyTorch has no fused operator for CPUs and would differentiate its parts one by one: see `DifferentiableRMSNorm`.
    """
    if cpu_training.trains_on_cpu(x):
        return DifferentiableRMSNorm.apply(x, gamma)
    dim = x.shape[-1]
    epsilon = NORM_FLOOR**2 / dim
    if gamma.ndim == 1:
        return F.rms_norm(x, (dim,), gamma, epsilon)
    return F.rms_norm(x, (dim,), eps=epsilon) * gamma


class DifferentiableRMSNorm(torch.autograd.Function):
    """RMSNorm with an explicit gradient (arXiv 1910.07467, section 4).

    With ``r = 1 / rms(x)`` and ``h = grad * gamma``, x has the gradient ``r (h - x r mean(h x r))``. This takes a
    fraction of the operators of PyTorch's own differentiation, and saves x and r only.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor) -> Tensor:
        """Normalise and scale."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = norm.clamp_min_(NORM_FLOOR).reciprocal_().mul_(x.shape[-1] ** 0.5)
        ctx.save_for_backward(x, gamma, inverse)
        return (x * inverse).mul_(gamma)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of `x` and `gamma`."""
        x, gamma, inverse = ctx.saved_tensors
        normed = x * inverse
        scaled = grad * gamma
        along = (scaled * normed).sum(-1, keepdim=True)
        of_gamma = (grad * normed).sum_to_size(gamma.shape)
        return scaled.addcmul_(normed, along, value=-1 / x.shape[-1]).mul_(inverse), of_gamma


class RMSNorm(nn.Module):
    """`rms_norm` of the last axis with a learned scale for each feature."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(... d)``."""
        return rms_norm(x, self.gamma)
