"""Which parameters decay."""

from torch import nn


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
