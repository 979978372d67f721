"""Apply the present configuration to the checkpoint that a training resumes from."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from bsroformer.checkpoints.native import ENTRY, PREFIX, RAW, absent_names
from bsroformer.models import SeparationModel
from bsroformer.models.adaptation import frozen_names

NOT_SETTINGS = ("params", "initial_lr", "fused", "foreach")
"""Entries of a group of parameters that do not change the numbers that an optimiser computes."""


def apply_optimizer_settings(checkpoint: dict[str, Any], configured: Optimizer) -> list[str]:
    """Replace an optimiser's settings in a checkpoint by the configured ones.

    The learning rate continues at the schedule's position, as the same share of the configured one.

    Args:
        checkpoint: Lightning's; changed in place.
        configured: A new optimiser of the same parameters, with or without a schedule.

    Returns:
        A sentence for each setting that changes, of the first group, which has them all.
    """
    [state] = checkpoint["optimizer_states"]
    [schedule] = checkpoint["lr_schedulers"]
    groups = list(zip(state["param_groups"], configured.param_groups, strict=True))
    changes = _changes(*groups[0])
    for kept, group in groups:
        _apply_group_settings(kept, group)
    schedule["base_lrs"] = [full_rate(group) for group in configured.param_groups]
    return changes


def _apply_group_settings(kept: dict[str, Any], group: dict[str, Any]) -> None:
    rate = full_rate(group)
    former_rate = kept["initial_lr"] or 1
    kept["lr"] *= rate / former_rate
    kept["initial_lr"] = rate
    kept |= {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}


def full_rate(group: dict[str, Any]) -> float:
    """Return the learning rate of a group of parameters before any schedule."""
    return float(group.get("initial_lr", group["lr"]))


def _changes(kept: dict[str, Any], group: dict[str, Any]) -> list[str]:
    before = _settings(kept, kept["initial_lr"])
    now = _settings(group, full_rate(group))
    changes = []
    for name, value in now.items():
        if name in before and before[name] != value:
            changes.append(f"optimizer.{name} is {value} from here on, and was {before[name]}.")
    return changes


def _settings(group: dict[str, Any], rate: float) -> dict[str, Any]:
    """Select the settings that change an optimiser's numbers, in plain types.

    The learning rate is that before any schedule.
    """
    settings = {}
    for name, value in group.items():
        if name not in NOT_SETTINGS:
            settings[name] = list(value) if isinstance(value, tuple) else value
    settings["lr"] = rate
    return settings


def add_absent_weights(checkpoint: dict[str, Any], model: SeparationModel) -> None:
    """Add the frozen weights, and the constant ones that checkpoints of an older format lack, in place."""
    own = model.state_dict()
    absent = absent_names(model, checkpoint[ENTRY]["format"])
    for entry in {"state_dict", RAW} & checkpoint.keys():
        for name in absent:
            checkpoint[entry][f"{PREFIX}{name}"] = own[name]


def remove_frozen_weights(checkpoint: dict[str, Any], model: SeparationModel) -> None:
    """Remove the weights of the model that an adaptation started from, in place."""
    frozen = [f"{PREFIX}{name}" for name in frozen_names(model)]
    for entry in {"state_dict", RAW} & checkpoint.keys():
        kept = dict(checkpoint[entry])
        for name in frozen:
            kept.pop(name, None)
        checkpoint[entry] = kept


def convert_schedule_state(schedule: LRScheduler, state: dict[str, Any]) -> dict[str, Any]:
    """Convert the state of another kind of schedule, at the same step."""
    if not isinstance(schedule, LambdaLR) or "lr_lambdas" in state:
        return state
    return {
        "last_epoch": state["last_epoch"],
        "base_lrs": state["base_lrs"],
        "_last_lr": state["_last_lr"],
        "lr_lambdas": [None] * len(schedule.base_lrs),
        "_step_count": state["last_epoch"] + 1,
    }
