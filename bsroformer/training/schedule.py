"""The learning rate over a run."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine_factor(step: int, warmup_steps: int, total_steps: int, final: float) -> float:
    """Share of the full rate at an optimiser step: a linear rise, then half a cosine down to `final`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


def warmup_cosine(optimizer: Optimizer, total_steps: int, warmup_steps: int, final: float) -> LambdaLR:
    """Linear warm-up, then cosine decay (Loshchilov and Hutter, arXiv 1608.03983), step by step.

    Args:
        optimizer: Whose learning rate it sets.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        final: Share of it that is left at the end.
    """
    return LambdaLR(optimizer, lambda step: warmup_cosine_factor(step, warmup_steps, total_steps, final))
