"""Check the states of optimiser and schedule in a checkpoint."""

import copy
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bsroformer.text import count
from bsroformer.training.module import SeparationModule
from bsroformer.training.optimizer import first_states, groups_for
from bsroformer.training.resume.entry_checks import check_like, is_finite, require, unusable

SCHEDULE_STEPS = 1000
"""Length of the schedule that a checkpoint's is compared with; its numbers do not matter."""
OPTIMIZER = "optimizer_states[0]"
SCHEDULE = "lr_schedulers[0]"

State = dict[str, Any]


def check_optimizer(checkpoint: State, module: SeparationModule) -> None:
    """Check the optimiser's groups and moments, and the schedule's state.

    Raises:
        InputError: Naming the first entry that does not fit.
    """
    optimizer, scheduler = module.optimizer_and_schedule(SCHEDULE_STEPS)
    state = _only(checkpoint, "optimizer_states")
    require({"state", "param_groups"} <= state.keys(), OPTIMIZER, "is cut short")
    _check_groups(state["param_groups"], optimizer)
    _check_moments(state["state"], module)
    _check_schedule(_only(checkpoint, "lr_schedulers"), scheduler)


def _only(checkpoint: State, name: str) -> State:
    """The state in a list of one."""
    states = checkpoint.get(name)
    require(isinstance(states, list) and len(states) == 1, name, "is not a list of one state")
    assert isinstance(states, list)
    require(isinstance(states[0], dict), f"{name}[0]", "is not a dictionary")
    return dict(states[0])


def _check_schedule(found: State, scheduler: torch.optim.lr_scheduler.LRScheduler) -> None:
    usual = scheduler.state_dict()
    for key in ("base_lrs", "_last_lr"):
        if key in usual:
            usual[key] = [float(rate) for rate in usual[key]]
    private = [key for key in usual if key.startswith("_")]  # PyTorch adds some of these with time
    check_like(found, usual, SCHEDULE, optional=private)
    with unusable(SCHEDULE, Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.load_state_dict(copy.deepcopy(found))
        scheduler.step()


def _check_groups(found: Any, optimizer: Optimizer) -> None:
    name = f"{OPTIMIZER}.param_groups"
    usual = optimizer.state_dict()["param_groups"]
    require(isinstance(found, list), name, "is not a list of groups")
    groups = count(len(found), "group")
    other = f"is of another optimiser: it has {groups} of parameters, and this one {len(usual)}"
    require(len(found) == len(usual), name, other)
    for number, group in enumerate(found):
        parameters = usual[number]["params"]
        _check_group(group, parameters, f"{name}[{number}]")


def _check_group(found: Any, parameters: list[int], name: str) -> None:
    require(isinstance(found, dict), name, "is not a group of parameters")
    check_like(found.get("params"), parameters, f"{name}.params")
    require(found["params"] == parameters, f"{name}.params", "numbers other parameters than the model has")
    for key in ("lr", "initial_lr"):
        require(key in found, f"{name}.{key}", "is missing")
        check_like(found[key], 0.0, f"{name}.{key}")


def _check_moments(found: Any, module: SeparationModule) -> None:
    """Check the optimiser's state of each parameter against that of a step of its own."""
    name = f"{OPTIMIZER}.state"
    require(isinstance(found, dict), name, "is not a dictionary")
    parameters: list[Tensor] = []
    for group in groups_for(module.make_optimizer, module.model):
        parameters += group["params"]
    count = len(parameters)
    is_known = all(isinstance(key, int) and 0 <= key < count for key in found)
    require(is_known, name, f"numbers other parameters than the {count} of the model")
    usual = first_states(module.model, module.make_optimizer)
    for key, state in found.items():
        expected = usual[key] if usual else {}
        _check_state(state, expected, parameters[key], f"{name}[{key}]")


def _check_state(found: Any, usual: State, parameter: Tensor, name: str) -> None:
    require(isinstance(found, dict), name, "is not a dictionary")
    for key, expected in usual.items():
        require(key in found, f"{name}.{key}", "is missing: it is of another optimiser")
        if not isinstance(expected, Tensor):
            check_like(found[key], expected, f"{name}.{key}")
    for key, value in found.items():
        shown = key[:40] if isinstance(key, str) else "?"
        _check_moment(value, usual.get(key), parameter, f"{name}.{shown}")


def _check_moment(found: Any, usual: Any, parameter: Tensor, name: str) -> None:
    expected = usual if isinstance(usual, Tensor) else None
    if not isinstance(found, Tensor):
        check_like(found, usual if expected is None else 0.0, name)
        return
    _check_shape(found, expected, parameter, name)
    require(found.dtype.is_floating_point, name, f"is of {found.dtype}")
    if expected is not None and name.endswith(".step"):  # which PyTorch does not convert
        require(found.dtype == expected.dtype, name, f"is of {found.dtype} instead of {expected.dtype}")
    require(is_finite(found), name, "holds NaN or infinity")
    if name.endswith(("_sq", ".step")) and found.numel():
        require(float(found.min()) >= 0, name, "is below 0")


def _check_shape(found: Tensor, expected: Tensor | None, parameter: Tensor, name: str) -> None:
    shape = parameter.shape if expected is None else expected.shape
    is_single = found.dim() == 0 and expected is None
    problem = f"has shape {tuple(found.shape)} instead of {tuple(shape)}"
    require(is_single or found.shape == shape, name, problem)
    require(found.is_contiguous(), name, "has gaps or overlaps")  # kernels read it as contiguous numbers
