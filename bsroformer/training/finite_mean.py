"""Means that skip NaN and infinity."""

import math

import torch
from torch import Tensor


class FiniteMean:
    """The mean of the finite numbers of a series.

    Their device is not waited for until the mean is read.

    Args:
        total: The sum of earlier numbers.
        count: How many they were.
    """

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total: Tensor | float = total
        self.count: Tensor | int = count

    def add(self, number: Tensor) -> None:
        """Add a number; it is skipped if it is not finite."""
        finite = number.isfinite()
        self.total = self.total + torch.where(finite, number, 0)
        self.count = self.count + finite.int()

    def value(self) -> float:
        """The mean; NaN if none was finite."""
        count = int(self.count)
        if count == 0:
            return math.nan
        return float(self.total) / count

    def sums(self) -> tuple[float, int]:
        """The arguments that make a mean of the same state."""
        return float(self.total), int(self.count)
