"""Separators from a configuration; nothing of training is imported."""

import os
from collections.abc import Sequence
from typing import Any

from bsroformer.checkpoints import Checkpoint
from bsroformer.cli.schemas.groups import SEPARATION, SeparationConfig
from bsroformer.devices import best_device
from bsroformer.errors import InputError
from bsroformer.inference import Ensemble, Separator, StreamSeparator
from bsroformer.inference.ensemble import Weights
from bsroformer.models import SeparationModel


def separator_from(
    checkpoints: Sequence[Checkpoint],
    cfg: SeparationConfig,
    stems: Sequence[str] | None = None,
    weights: Weights | None = None,
    device: str | None = None,
) -> StreamSeparator:
    """Load opened checkpoints into a separator.

    Args:
        checkpoints: One, or several whose mean is taken.
        cfg: How to separate.
        stems: Those to compute; of several checkpoints each computes those it has.
        weights: Of the checkpoints in the mean.
        device: The device, unless the configuration's.

    Raises:
        InputError: If the checkpoints do not go together.
    """
    models = [checkpoint.model() for checkpoint in checkpoints]
    paths = [str(checkpoint.file.path) for checkpoint in checkpoints]
    members = [
        separator_of(model, cfg, _own(models, number, paths, stems), device=device or cfg.device)
        for number, model in enumerate(models)
    ]
    if weights is None and len(members) == 1:
        return members[0]
    return Ensemble(members, weights)


def separator_of(
    model: SeparationModel, cfg: SeparationConfig, stems: Sequence[str] | None = None, **others: Any
) -> Separator:
    """Create a separator from ``configs/separation/`` and other arguments."""
    return Separator(model, stems, **{**{name: getattr(cfg, name) for name in SEPARATION}, **others})


def device_of(cfg: SeparationConfig, index: int = 0, count: int = 1) -> str:
    """Return the device to compute on.

    ``auto`` in one of several processes is an accelerator of its own.

    Args:
        cfg: Names the device.
        index: Of this process among those that share a collection.
        count: How many these are.
    """
    rank = os.environ.get("LOCAL_RANK")
    if cfg.device != "auto" or cfg.engine == "openvino" or (rank is None and count == 1):
        return cfg.device
    return str(best_device(index if rank is None else int(rank)))


def _own(
    models: Sequence[SeparationModel], number: int, paths: Sequence[str], stems: Sequence[str] | None
) -> Sequence[str] | None:
    """Select the stems that a model computes.

    Each of several models may have some of the stems.

    Raises:
        InputError: If it has none of them, or one is in no model.
    """
    if stems is None or len(models) == 1:
        return stems
    names = [{stem.casefold() for stem in model.stems} for model in models]
    if missing := [stem for stem in stems if not any(stem.casefold() in own for own in names)]:
        raise InputError(f"none of the checkpoints has the stem {missing[0]}: choose others")
    own = [stem for stem in stems if stem.casefold() in names[number]]
    if not own:
        raise InputError(f"{paths[number]} has none of the stems {', '.join(stems)}: leave it out of ckpt")
    return own
