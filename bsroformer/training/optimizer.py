"""Optimiser: groups of parameters, clipping, and errors of its arguments."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bsroformer.errors import InputError
from bsroformer.models.low_rank import PARAMETERS

MATRICES = ("weight", *PARAMETERS)
"""Endings of the names of matrices."""


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Group the trained matrices, which decay, and scales and biases, which do not.

    Weight decay shrinks matrices; a norm's scale that it shrinks to zero would silence the layer (Loshchilov and
    Hutter, arXiv 1711.05101, leave the choice open; this is the usual one for transformers).
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            group = matrices if name.endswith(MATRICES) else others
            group.append(parameter)
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


MakesOptimizer = Callable[[Iterable[Any]], Optimizer]
"""Makes an optimiser of groups of parameters: a class, or a partial of one."""


def groups_for(make_optimizer: MakesOptimizer, model: nn.Module) -> list[dict[str, Any]]:
    """Group a model's parameters as the optimiser's class does, or by `parameter_groups`."""
    optimizer = getattr(make_optimizer, "func", make_optimizer)
    group = getattr(optimizer, "parameter_groups", parameter_groups)
    groups: list[dict[str, Any]] = group(model)
    return groups


def make_optimizer_of(model: nn.Module, make_optimizer: MakesOptimizer) -> Optimizer:
    """Make the optimiser of a model's parameters."""
    return make_optimizer(groups_for(make_optimizer, model))


def first_states(model: nn.Module, make_optimizer: MakesOptimizer) -> list[dict[str, Any]] | None:
    """Compute an optimiser's state of each parameter after a step.

    None if it needs more than gradients.

    The step is computed without memory (on PyTorch's ``meta`` device) where the optimiser can, else with zeros.
    """
    for device in ("meta", "cpu"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _first_states(groups_for(make_optimizer, model), make_optimizer, device)
            except Exception:  # an optimiser may need values, a closure or another device
                continue
    return None


def _first_states(groups: list[dict[str, Any]], make_optimizer: MakesOptimizer, device: str) -> list[dict[str, Any]]:
    parameters: list[nn.Parameter] = []
    for group in groups:
        group["params"] = [_zeros_like(parameter, device) for parameter in group["params"]]
        parameters += group["params"]
    optimizer = make_optimizer(groups)
    for group in optimizer.param_groups:
        for implementation in {"fused", "foreach"} & group.keys():
            group[implementation] = False
    optimizer.step()
    return [dict(optimizer.state[parameter]) for parameter in parameters]


def _zeros_like(parameter: Tensor, device: str) -> nn.Parameter:
    """A parameter of zeros with a gradient of zeros."""
    zeros = nn.Parameter(torch.zeros_like(parameter, device=device))
    zeros.grad = torch.zeros_like(zeros)
    return zeros


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
