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


def configure_anew(checkpoint: dict[str, Any], configured: Optimizer) -> None:
    """Put an optimiser's settings in place of those in a training's checkpoint, which would come back with its moments.

    The learning rate goes on where the schedule stands, as the same share of the configured one.

    Args:
        checkpoint: Lightning's; changed in place.
        configured: Just made, of the same parameters.
    """
    [state], [schedule] = checkpoint["optimizer_states"], checkpoint["lr_schedulers"]
    for kept, group in zip(state["param_groups"], configured.param_groups, strict=True):
        kept["lr"] *= group["lr"] / (kept["initial_lr"] or 1)
        kept["initial_lr"] = group["lr"]
        kept |= {name: value for name, value in group.items() if name in kept and name not in ("params", "lr")}
    schedule["base_lrs"] = [group["lr"] for group in configured.param_groups]
