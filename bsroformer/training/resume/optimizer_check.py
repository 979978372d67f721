"""The state of an optimiser and its schedule in a checkpoint, compared with those that are configured."""

import copy
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bsroformer.training.module import SeparationModule
from bsroformer.training.optimizer import parameter_groups
from bsroformer.training.resume.entry_checks import check_like, is_finite, require, unusable

SCHEDULE_STEPS = 1000
"""Of the schedule that a checkpoint's is compared with; its numbers do not matter."""

State = dict[str, Any]


def check_optimizer(checkpoint: State, module: SeparationModule) -> None:
    """The optimiser's groups and moments, and the schedule of its learning rate."""
    optimizer, scheduler = module.optimizer_and_schedule(SCHEDULE_STEPS)
    state = _only(checkpoint, "optimizer_states")
    require({"state", "param_groups"} <= state.keys(), "optimizer_states[0]", "is cut short")
    _check_groups(state["param_groups"], optimizer)
    _check_moments(state["state"], module)
    name, schedule = "lr_schedulers[0]", _only(checkpoint, "lr_schedulers")
    usual = scheduler.state_dict()
    usual |= {key: [float(rate) for rate in usual[key]] for key in ("base_lrs", "_last_lr") if key in usual}
    private = {key for key in usual if key.startswith("_")}  # PyTorch adds some of these with time
    check_like(schedule, usual, name, optional=private)
    with unusable(name, Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.load_state_dict(copy.deepcopy(schedule))
        scheduler.step()


def _only(checkpoint: State, name: str) -> State:
    """The state in a list of one."""
    states = checkpoint.get(name)
    require(isinstance(states, list) and len(states) == 1, name, "is not a list of one state")
    assert isinstance(states, list)
    require(isinstance(states[0], dict), f"{name}[0]", "is not a dictionary")
    return dict(states[0])


def _check_groups(found: Any, optimizer: Optimizer) -> None:
    name, usual = "optimizer_states[0].param_groups", optimizer.state_dict()["param_groups"]
    require(isinstance(found, list) and len(found) == len(usual), name, f"is not a list of {len(usual)} groups")
    for number, (group, own) in enumerate(zip(found, usual, strict=True)):
        of = f"{name}[{number}]"
        require(isinstance(group, dict), of, "is not a group of parameters")
        check_like(group.get("params"), own["params"], f"{of}.params")
        require(group["params"] == own["params"], f"{of}.params", "numbers other parameters than the model has")
        for key in ("lr", "initial_lr"):
            require(key in group, f"{of}.{key}", "is missing")
            check_like(group[key], 0.0, f"{of}.{key}")


def _check_moments(found: Any, module: SeparationModule) -> None:
    """What the optimiser keeps of each parameter, against what it makes in a step of its own."""
    name = "optimizer_states[0].state"
    require(isinstance(found, dict), name, "is not a dictionary")
    parameters = [parameter for group in parameter_groups(module.model) for parameter in group["params"]]
    known = all(isinstance(key, int) and 0 <= key < len(parameters) for key in found)
    require(known, name, f"numbers other parameters than the {len(parameters)} of the model")
    usual = first_states(module)
    for key, state in found.items():
        require(isinstance(state, dict), f"{name}[{key}]", "is not a dictionary")
        for moment, expected in usual[key].items() if usual else ():
            require(moment in state, f"{name}[{key}].{moment}", "is missing: it is of another optimiser")
            if not isinstance(expected, Tensor):
                check_like(state[moment], expected, f"{name}[{key}].{moment}")
        for moment, value in state.items():
            expected = usual[key].get(moment) if usual else None
            _check_moment(
                value, expected, parameters[key], f"{name}[{key}].{moment if isinstance(moment, str) else '?':.40}"
            )


def _check_moment(found: Any, usual: Any, parameter: Tensor, name: str) -> None:
    if not isinstance(found, Tensor):
        check_like(found, usual if not isinstance(usual, Tensor) else 0.0, name)
        return
    shape = usual.shape if isinstance(usual, Tensor) else parameter.shape
    single = found.dim() == 0 and not isinstance(usual, Tensor)
    shapes = f"{tuple(found.shape)} instead of {tuple(shape)}"
    require(single or found.shape == shape, name, f"has shape {shapes}")
    require(found.is_contiguous(), name, "has gaps or overlaps")  # kernels take it as one row of numbers
    require(found.dtype.is_floating_point, name, f"is of {found.dtype}")
    if isinstance(usual, Tensor) and name.endswith(".step"):  # which PyTorch does not convert
        require(found.dtype == usual.dtype, name, f"is of {found.dtype} instead of {usual.dtype}")
    require(is_finite(found), name, "holds NaN or infinity")
    squares = name.endswith(("_sq", ".step"))
    require(not squares or found.numel() == 0 or float(found.min()) >= 0, name, "is below 0")


def first_states(module: SeparationModule) -> list[State] | None:
    """What the configured optimiser keeps of each parameter after a step; None if it needs more than gradients.

    The step is computed without memory (PyTorch's ``meta`` device) where the optimiser can, else with zeros.
    """
    for device in ("meta", "cpu"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _first_states(module, device)
            except Exception:  # an optimiser may need values, a closure or another device
                continue
    return None


def _first_states(module: SeparationModule, device: str) -> list[State]:
    groups = parameter_groups(module.model)
    for group in groups:
        group["params"] = [torch.nn.Parameter(torch.zeros_like(each, device=device)) for each in group["params"]]
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer = module.make_optimizer(groups)
    for group in optimizer.param_groups:
        group.update({name: False for name in ("fused", "foreach") if name in group})
    optimizer.step()
    return [dict(optimizer.state[parameter]) for group in groups for parameter in group["params"]]
