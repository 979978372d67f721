"""Optimiser: groups of parameters, clipping, and errors of its arguments."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bsroformer.errors import InputError


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Group matrices, which decay, and scales and biases, which do not.

    Weight decay shrinks matrices; a norm's scale that it shrinks to zero would silence the layer (Loshchilov and
    Hutter, arXiv 1711.05101, leave the choice open; this is the usual one for transformers).
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        group = matrices if name.endswith("weight") else others
        group.append(parameter)
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def clip(parameters: Iterable[nn.Parameter], norm: Tensor, limit: float | None, algorithm: str | None = None) -> None:
    """Clip gradients in place.

    Args:
        parameters: Parameters with gradients.
        norm: The total norm of the gradients.
        limit: The largest norm or, with the algorithm ``value``, the largest absolute value of an element; None or 0
            leaves them as they are.
        algorithm: ``norm``, the default, or ``value``.
    """
    if not limit:
        return
    if algorithm == "value":
        torch.nn.utils.clip_grad_value_(parameters, limit)
    else:
        torch.nn.utils.clip_grads_with_norm_(parameters, limit, norm)


@contextmanager
def errors_of_setting_up() -> Iterator[None]:
    """Convert errors of an optimiser or a schedule about its arguments.

    Raises:
        InputError: In their place.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise InputError(f"optimizer or scheduler cannot be set up as configured: {error}") from error
