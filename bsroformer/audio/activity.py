"""The one rule for "this stem is active": its level over the stretch that is looked at.

It decides which stems count in the SI-SDR of a loss, which have a score in validation, which excerpts have something to
learn from, and which stems have an SI-SDR in an evaluation. cSDR and uSDR have published rules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:  # the threshold is read where nothing is computed, and PyTorch takes seconds to be imported
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

ACTIVE_DB = -60.0
"""RMS level in dBFS over all channels and samples of a stretch from which a stem is active in it."""


def mean_square(level_db: float) -> float:
    """Mean square of a signal with an RMS level in dBFS."""
    return 10 ** (level_db / 10)


@overload
def is_active(energy: Tensor, samples: int | Tensor, least_db: float = ACTIVE_DB) -> Tensor: ...


@overload
def is_active(energy: NDArray[np.floating], samples: int, least_db: float = ACTIVE_DB) -> NDArray[np.bool_]: ...


def is_active(
    energy: Tensor | NDArray[np.floating], samples: int | Tensor, least_db: float = ACTIVE_DB
) -> Tensor | NDArray[np.bool_]:
    """Whether stems are active.

    Args:
        energy: Sum of squares over channels and samples of each stretch, (...).
        samples: Samples of all channels together in each stretch, a number or (...).
        least_db: Another threshold than :data:`ACTIVE_DB`, where a key sets one.

    Returns:
        Booleans (...). Nothing is active in a stretch of no samples.
    """
    return (energy >= mean_square(least_db) * samples) & (energy > 0)
