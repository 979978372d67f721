"""Calls of a loss, where all stems are known and where only some are."""

from inspect import signature
from typing import Any

from torch import Tensor, nn

from bsroformer.errors import InputError


def compared(loss: nn.Module, estimate: Tensor, target: Tensor, counted: Tensor | None) -> Any:
    """Compute a loss and its named terms; a loss of two arguments serves where all stems are known.

    Args:
        loss: ``(estimate, target)``, and which stems count if it can do without some.
        estimate: ``(b n c t)``.
        target: ``(b n c t)``.
        counted: Which stems count, ``(b n)``; None if all do.

    Raises:
        InputError: If some do not, and the loss has no such argument.
    """
    if counted is None:
        return loss(estimate, target)
    if "counted" not in signature(loss.forward).parameters:
        raise InputError(
            f"loss {type(loss).__name__} needs all stems, and some songs have unknown ones; give its forward an "
            "argument counted (which stems count, booleans (b n)), choose another loss, or set data.missing=refuse"
        )
    return loss(estimate, target, counted)
