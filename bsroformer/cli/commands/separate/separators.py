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
        checkpoints: One, or several to average.
        cfg: Settings of the separation.
        stems: The stems to compute; of several checkpoints each computes those it has.
        weights: Weights of the checkpoints in the mean.
        device: The device, by default the configuration's.

    Raises:
        InputError: If the checkpoints do not fit together.
    """
    models = [checkpoint.model() for checkpoint in checkpoints]
    paths = [str(checkpoint.file.path) for checkpoint in checkpoints]
    members = []
    for number, model in enumerate(models):
        own = _own_stems(models, number, paths, stems)
        members.append(separator_of(model, cfg, own, device=device or cfg.device))
    if weights is None and len(members) == 1:
        return members[0]
    return Ensemble(members, weights)


def separator_of(
    model: SeparationModel, cfg: SeparationConfig, stems: Sequence[str] | None = None, **others: Any
) -> Separator:
    """Create a separator from ``configs/separation/`` and other arguments."""
    settings = {name: getattr(cfg, name) for name in SEPARATION}
    return Separator(model, stems, **(settings | others))


def device_of(cfg: SeparationConfig, index: int = 0, count: int = 1) -> str:
    """Return the device to compute on.

    ``auto`` in one of several processes is an accelerator of its own.

    Args:
        cfg: Names the device.
        index: Of this process among those that share a collection.
        count: Number of these processes.
    """
    rank = os.environ.get("LOCAL_RANK")
    if cfg.device != "auto" or cfg.engine == "openvino" or (rank is None and count == 1):
        return cfg.device
    return str(best_device(index if rank is None else int(rank)))


def _own_stems(
    models: Sequence[SeparationModel], number: int, paths: Sequence[str], stems: Sequence[str] | None
) -> Sequence[str] | None:
    """Select the stems that a model computes.

    Each of several models may have some of the stems.

    Raises:
        InputError: If the model lacks all of them, or no model has one.
    """
    if stems is None or len(models) == 1:
        return stems
    names = [set(map(str.casefold, model.stems)) for model in models]
    known = set().union(*names)
    for stem in stems:
        if stem.casefold() not in known:
            raise InputError(f"no checkpoint has the stem {stem}; choose others")
    own = [stem for stem in stems if stem.casefold() in names[number]]
    if not own:
        raise InputError(f"{paths[number]} separates no stem of {', '.join(stems)}; remove it from ckpt")
    return own
