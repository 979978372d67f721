"""Excerpts of songs of which only some stems are known."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bsroformer.data.layouts import UNKNOWN


class KnownStems(NamedTuple):
    """Stems of an excerpt, or of a batch, and which of them are known.

    Of the unknown ones only the sum is known. It is the value of the first of them, and the others are zero, so that
    the sum over stems is the mixture.
    """

    stems: Tensor
    """``(n c t)`` or ``(b n c t)``"""
    known: Tensor
    """Whether each stem is known: ``(n)`` or ``(b n)``."""


TrainingBatch = Tensor | KnownStems
"""Stems ``(b n c t)``, all of them known or not."""


def stems_of(batch: TrainingBatch) -> Tensor:
    """Return the stems of an excerpt or a batch, whose sum is the mixture."""
    return batch.stems if isinstance(batch, KnownStems) else batch


def known_of(batch: TrainingBatch) -> Tensor | None:
    """Return which stems are known; None if all are."""
    return batch.known if isinstance(batch, KnownStems) else None


def in_order(names: Sequence[str], audio: Tensor, stems: Sequence[str]) -> KnownStems:
    """Arrange the stems of a track in the order of the data's.

    Args:
        names: The track's stems, `UNKNOWN` at the end if several are unknown.
        audio: Their samples, ``(k c t)``.
        stems: Names of the data's stems.

    Returns:
        Stems ``(n c t)``.
    """
    known = torch.ones(len(stems), dtype=torch.bool)
    if tuple(names) == tuple(stems):
        return KnownStems(audio, known)
    unknown = [number for number, stem in enumerate(stems) if stem not in names]
    known[unknown] = False
    arranged = audio.new_zeros(len(stems), *audio.shape[1:])
    for name, samples in zip(names, audio, strict=True):
        number = unknown[0] if name == UNKNOWN else stems.index(name)
        arranged[number] = samples
    return KnownStems(arranged, known)


def summed_unknown(
    estimates: Tensor, targets: Tensor, known: Tensor, chosen: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Replace the unknown stems of a model by their sum, which is known.

    The sum is the value of the first of them; the others become zero and do not count. If the model has only some of
    an excerpt's unknown stems, not even their sum is known, and none of them counts.

    Args:
        estimates: The model's stems, ``(b n c t)``.
        targets: The data's stems, ``(b k c t)``, as in `KnownStems`.
        known: Which of the data's stems are known, ``(b k)``.
        chosen: Numbers of the model's stems among the data's, n of them.

    Returns:
        Estimates and targets ``(b n c t)``, and which of them count, ``(b n)``.
    """
    own_known = known[:, chosen]  # (b n)
    unknown = ~own_known
    sum_is_known = unknown.sum(1) == (~known).sum(1)  # (b)
    is_first = unknown & (unknown.cumsum(1) == 1)  # (b n)
    is_sum = is_first & sum_is_known[:, None]
    counted = own_known | is_sum
    estimated_sum = (estimates * unknown[..., None, None]).sum(1, keepdim=True)
    true_sum = (targets * ~known[..., None, None]).sum(1, keepdim=True)
    single = own_known[..., None, None]
    summed = is_sum[..., None, None]
    return (
        estimates * single + estimated_sum * summed,
        targets[:, chosen] * single + true_sum * summed,
        counted,
    )
