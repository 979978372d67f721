"""Low-rank updates of frozen weights (LoRA, arXiv 2106.09685).

A layer with weight ``W`` computes ``W x + (alpha / rank) B A x`` (equation 3). ``B`` starts at zero, so that the model
starts as it was.
"""

from dataclasses import dataclass
from functools import singledispatch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PARAMETERS = ("lora_a", "lora_b")
"""Names of the matrices ``A`` and ``B``."""


class LowRank(nn.Module):
    """Base of layers with an update, which `add_update` makes of usual layers and `merge_update` turns back.

    Attributes:
        lora_a: The update's first matrix, which maps the input to `rank` features.
        lora_b: Its second matrix, which maps these to the output.
        scale: The factor ``alpha / rank``.
        plain: The class of the layer without the update.
    """

    lora_a: nn.Parameter
    lora_b: nn.Parameter
    scale: float
    plain: type[nn.Module]

    def delta(self) -> Tensor:
        """Compute the update of the weight: ``scale B A``, in the weight's shape."""
        return self.scale * (self.lora_b @ self.lora_a.flatten(1)).view(weight_of(self).shape)


def weight_of(layer: nn.Module) -> Tensor:
    """Return the weight of a layer."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


class LowRankLinear(LowRank, nn.Linear):
    """A linear layer with an update: `lora_a` is ``(r d)``, `lora_b` ``(e r)``."""

    plain = nn.Linear

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(... d)`` to ``(... e)``."""
        reduced = self.scale * F.linear(x, self.lora_a)  # (... r)
        return super().forward(x) + F.linear(reduced, self.lora_b)


class LowRankConv1d(LowRank, nn.Conv1d):
    """A convolution with an update: `lora_a` is a convolution ``(r d k)``, `lora_b` a linear map ``(e r)``."""

    plain = nn.Conv1d

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(s d l)`` to ``(s e m)``."""
        reduced = self.scale * self._conv_forward(x, self.lora_a, None)  # (s r m)
        return super().forward(x) + F.conv1d(reduced, self.lora_b[:, :, None])


@dataclass(frozen=True)
class LowRankForm:
    """The form of a layer with an update.

    Attributes:
        kind: Its class.
        first: Shape of `lora_a`.
        second: Shape of `lora_b`.
        fan_in: Input values that a feature of `lora_a` reads.
    """

    kind: type[LowRank]
    first: tuple[int, ...]
    second: tuple[int, ...]
    fan_in: int


@singledispatch
def low_rank_form(layer: nn.Module, rank: int) -> LowRankForm:
    """Return the form of a layer with an update.

    Other kinds of layers are registered where they are defined.

    Raises:
        TypeError: If there is no such form.
    """
    raise TypeError(f"{type(layer).__name__} has no form with a low-rank update")


@low_rank_form.register
def _(layer: nn.Linear, rank: int) -> LowRankForm:
    rows, columns = layer.weight.shape
    return LowRankForm(LowRankLinear, (rank, columns), (rows, rank), fan_in=columns)


@low_rank_form.register
def _(layer: nn.Conv1d, rank: int) -> LowRankForm:
    rows, columns, taps = layer.weight.shape
    return LowRankForm(LowRankConv1d, (rank, columns, taps), (rows, rank), fan_in=columns * taps)


def add_update(layer: nn.Module, rank: int, alpha: float) -> None:
    """Add a low-rank update to a layer in place.

    `lora_a` is drawn from Kaiming's uniform distribution, and `lora_b` is zero. The class of the layer is replaced, as
    by PyTorch's parametrizations, so that its weight keeps its name.
    """
    form = low_rank_form(layer, rank)
    weight = weight_of(layer)
    layer.__class__ = form.kind
    assert isinstance(layer, LowRank)
    layer.scale = alpha / rank
    layer.lora_a = nn.Parameter(weight.new_zeros(form.first))
    layer.lora_b = nn.Parameter(weight.new_zeros(form.second))
    bound = form.fan_in**-0.5
    nn.init.uniform_(layer.lora_a, -bound, bound)


@torch.no_grad()
def merge_update(layer: LowRank) -> None:
    """Add a layer's update to its weight, and turn it into a usual layer, in place."""
    weight_of(layer).add_(layer.delta())
    plain = layer.plain
    for name in PARAMETERS:
        delattr(layer, name)
    del layer.scale
    layer.__class__ = plain  # type: ignore[assignment]
