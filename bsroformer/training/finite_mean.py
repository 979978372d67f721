"""Means that a single NaN does not spoil."""

import math

import torch
from torch import Tensor


class FiniteMean:
    """The mean of those numbers that are finite; their device is not waited for until the mean is wanted.

    Args:
        total: Of numbers that came before.
        count: How many these were.
    """

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total: Tensor | float = total
        self.count: Tensor | int = count

    def add(self, number: Tensor) -> None:
        """Take in one more."""
        finite = number.isfinite()
        self.total, self.count = self.total + torch.where(finite, number, 0), self.count + finite.int()

    def value(self) -> float:
        """The mean; NaN if none was finite."""
        count = int(self.count)
        return float(self.total) / count if count else math.nan

    def sums(self) -> tuple[float, int]:
        """What makes another of the same state."""
        return float(self.total), int(self.count)
