"""What the optimiser is told: which parameters decay, and what was configured otherwise before a checkpoint."""

from typing import Any

from torch import nn
from torch.optim import Optimizer


def parameter_groups(model: nn.Module) -> list[dict]:
    """Two groups for an optimiser: matrices, which decay, and scales and biases, which do not.

    Decay shrinks what multiplies; a norm's scale pulled to zero silences its layer (Loshchilov and Hutter,
    arXiv 1711.05101, leave the choice open; this is the usual one for transformers).
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (matrices if name.endswith("weight") else others).append(parameter)
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def configure_anew(checkpoint: dict[str, Any], configured: Optimizer) -> list[str]:
    """Put an optimiser's settings in place of those in a training's checkpoint, which would come back with its moments.

    The learning rate goes on where the schedule stands, as the same share of the configured one.

    Args:
        checkpoint: Lightning's; changed in place.
        configured: Just made, of the same parameters; its schedule may be made too.

    Returns:
        A sentence for each setting that changes, of the group that has them all.
    """
    [state], [schedule] = checkpoint["optimizer_states"], checkpoint["lr_schedulers"]
    groups = list(zip(state["param_groups"], configured.param_groups, strict=True))
    told = _changes(*groups[0])
    for kept, group in groups:
        rate = full_rate(group)
        kept["lr"] *= rate / (kept["initial_lr"] or 1)
        kept["initial_lr"] = rate
        kept |= {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
    schedule["base_lrs"] = [full_rate(group) for group in configured.param_groups]
    return told


def full_rate(group: dict[str, Any]) -> float:
    """Learning rate of a group of parameters before any schedule."""
    return float(group.get("initial_lr", group["lr"]))


def _changes(kept: dict[str, Any], group: dict[str, Any]) -> list[str]:
    before, now = _settings(kept | {"lr": kept["initial_lr"]}), _settings(group | {"lr": full_rate(group)})
    return [
        f"optimizer.{name} is {now[name]} from here on, and was {before[name]}."
        for name in now
        if name in before and now[name] != before[name]
    ]


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    """What changes the numbers that come out, in plain types."""
    own = {name: value for name, value in group.items() if name not in ("params", "initial_lr", "fused", "foreach")}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
