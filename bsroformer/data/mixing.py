"""Mixing and selection of stems."""

from collections.abc import Sequence

from torch import Tensor

from bsroformer.errors import InputError


def mix(stems: Tensor) -> Tensor:
    """Sum stems ``(... n c t)`` to the mixture ``(... c t)``.

    Every training mixture is made by this function.
    """
    return stems.sum(dim=-3)


def indices_of(stems: Sequence[str], data_stems: Sequence[str]) -> list[int]:
    """Find the positions of the model's stems among those of the data.

    Raises:
        InputError: If the data lack one.
    """
    missing = [stem for stem in stems if stem not in data_stems]
    if missing:
        raise InputError(
            f"model.stems has {', '.join(missing)}, which data.stems=[{','.join(data_stems)}] lacks; "
            "choose stems of the data"
        )
    return [data_stems.index(stem) for stem in stems]
