"""Weighted sum of several losses."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.kinds import Weight
from bsroformer.losses.compared import compared


class WeightedSum(nn.Module):
    """``sum_i weight_i * loss_i``.

    The losses' terms keep their names, so that a term's curve compares with that of a run with its loss alone.

    Args:
        parts: The losses by name, each ``(estimate, target)`` to a scalar and its named terms.
        weights: Their weights, by the same names.

    Raises:
        InputError: If a loss has no weight, or a weight no loss, or no weight is above 0.
    """

    def __init__(self, parts: Mapping[str, nn.Module], weights: Mapping[str, Weight]) -> None:
        super().__init__()
        unpaired = sorted(parts.keys() ^ weights.keys())
        if unpaired:
            raise InputError(
                f"loss.parts and loss.weights must have the same names; {', '.join(unpaired)} is in one only"
            )
        if not any(weight > 0 for weight in weights.values()):
            raise InputError("one of loss.weights must be above 0")
        self.parts = nn.ModuleDict(parts)
        self.weights = dict(weights)

    def forward(
        self, estimate: Tensor, target: Tensor, counted: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare stems ``(b n c t)``, all or those that count ``(b n)``: the loss and the terms of all parts.

        Raises:
            InputError: If two parts have a term of the same name.
        """
        total = target.new_zeros((), dtype=torch.float32)
        terms: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            loss, own = compared(part, estimate, target, counted)
            repeated = sorted(terms.keys() & own.keys())
            if repeated:
                raise InputError(f"loss.parts.{name} has a term {repeated[0]}, as another part has; remove one of them")
            total = total + self.weights[name] * loss
            terms |= own
        return total, terms
