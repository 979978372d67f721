"""The single threshold of active stems: their level over a stretch of samples.

It decides which stems count in the SI-SDR of a loss, have a score in validation, or an SI-SDR in an evaluation, and
which excerpts are trained on. cSDR and uSDR have published rules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:  # importing PyTorch takes seconds, and some modules need the threshold only
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

ACTIVE_DB = -60.0
"""Lowest RMS level of an active stem, in dBFS over all channels and samples of a stretch."""


def mean_square(level_db: float) -> float:
    """Compute the mean square of a signal with an RMS level in dBFS."""
    return 10 ** (level_db / 10)


@overload
def is_active(energy: Tensor, samples: int | Tensor, least_db: float = ACTIVE_DB) -> Tensor: ...


@overload
def is_active(energy: NDArray[np.floating], samples: int, least_db: float = ACTIVE_DB) -> NDArray[np.bool_]: ...


def is_active(
    energy: Tensor | NDArray[np.floating], samples: int | Tensor, least_db: float = ACTIVE_DB
) -> Tensor | NDArray[np.bool_]:
    """Compare the level of stems with the threshold.

    Args:
        energy: Sum of squares over channels and samples of each stretch, (...).
        samples: Number of samples of all channels in each stretch, a scalar or (...).
        least_db: Threshold in dBFS, if a key sets another than :data:`ACTIVE_DB`.

    Returns:
        Booleans (...), all false for a stretch of no samples.
    """
    return (energy >= mean_square(least_db) * samples) & (energy > 0)
