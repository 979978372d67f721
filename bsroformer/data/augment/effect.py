"""The interface of an effect, and checks of its settings."""

from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from bsroformer.errors import InputError

Range = tuple[float, float]
"""Lowest and highest value."""


@runtime_checkable
class Effect(Protocol):
    """A change of one stem.

    It is a function of the stem, the settings and the random generator.
    """

    @property
    def probability(self) -> float:
        """Probability that a stem is changed; the caller draws."""

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Change a stem (c t), float32 at `sample_rate` Hz, to another of the same shape."""


def check_probability(key: str, probability: float) -> None:
    """Refuse a probability out of range.

    Args:
        key: Key of the effect in the configuration.
        probability: Value of `<key>.probability`.

    Raises:
        InputError: If it is not from 0 to 1.
    """
    if not 0 <= probability <= 1:
        raise InputError(f"{key}.probability is {probability}; give the share of stems to change, from 0 to 1.")


def check_range(key: str, limits: Range, lowest: float, highest: float) -> None:
    """Refuse limits that are unordered, or out of bounds.

    Args:
        key: Key of the limits in the configuration.
        limits: Their values.
        lowest: Lower bound.
        highest: Upper bound.

    Raises:
        InputError: If they are not two ordered numbers within the bounds.
    """
    if len(limits) != 2 or not lowest <= limits[0] <= limits[1] <= highest:
        raise InputError(
            f"{key} is {list(limits)}; give the lowest and the highest value, from {lowest:g} to {highest:g}."
        )
