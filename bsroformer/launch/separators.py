"""From the configuration to a separator; nothing of training is imported for it."""

import os
from collections.abc import Sequence
from typing import Any, cast

from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from bsroformer.checkpoints import Checkpoint, open_checkpoint
from bsroformer.devices import best_device
from bsroformer.errors import InputError
from bsroformer.file_state import file_fingerprint
from bsroformer.inference import Ensemble, Separator, StreamSeparator
from bsroformer.inference.ensemble import Weights
from bsroformer.launch.config import number, paths_of, switch, whole, word, words
from bsroformer.models import SeparationModel


def opened_checkpoint(ckpt: str, config: str | None, sha256: str | None, console: Console) -> Checkpoint:
    """A checkpoint, with a word on what had to be assumed."""
    opened = open_checkpoint(ckpt, config, sha256)
    for note in opened.notes:
        console.print(note, style="yellow")
    return opened


def build_separator(cfg: DictConfig, console: Console, stems: Sequence[str] | None = None) -> StreamSeparator:
    """The separator of the checkpoint that ``ckpt`` names, or of several.

    Args:
        cfg: ``ckpt``, ``config``, ``sha256``, and what ``configs/separation/`` holds.
        console: Where to say what had to be assumed.
        stems: Those to compute; of several checkpoints each computes those it has.

    Raises:
        InputError: If a checkpoint cannot be opened, or they do not go together.
    """
    return separator_from(open_checkpoints(cfg, console), cfg, stems)


def open_checkpoints(cfg: DictConfig, console: Console) -> list[Checkpoint]:
    """Open the checkpoints that ``ckpt`` names: see `build_separator`."""
    paths = paths_of(cfg.ckpt, "ckpt")
    configs, digests = (one_for_each(paths, cfg[key], key) for key in ("config", "sha256"))
    return [
        opened_checkpoint(path, config, sha256, console)
        for path, config, sha256 in zip(paths, configs, digests, strict=True)
    ]


def separator_from(
    checkpoints: Sequence[Checkpoint], cfg: DictConfig, stems: Sequence[str] | None = None
) -> StreamSeparator:
    """Load opened checkpoints into a separator: see `build_separator`."""
    paths = paths_of(cfg.ckpt, "ckpt")
    models = [checkpoint.model() for checkpoint in checkpoints]
    members = [separator_of(model, cfg, _own(models, number, paths, stems)) for number, model in enumerate(models)]
    if cfg.weights is None:
        return members[0] if len(members) == 1 else Ensemble(members)
    if not isinstance(cfg.weights, ListConfig | DictConfig):
        raise InputError(f"weights={cfg.weights} must be a list such as [0.7,0.3], or one for each stem")
    return Ensemble(members, cast(Weights, OmegaConf.to_object(cfg.weights)))


def checkpoint_fingerprints(checkpoints: Sequence[Checkpoint]) -> list[list[Any]]:
    """Identify the files that were read, for each checkpoint."""
    return [[file_fingerprint(path) for path in checkpoint.files] for checkpoint in checkpoints]


def separator_of(model: SeparationModel, cfg: DictConfig, stems: Sequence[str] | None = None) -> Separator:
    """A separator as ``configs/separation/`` describes it."""
    return Separator(
        model,
        stems,
        overlap=number(cfg, "overlap"),
        batch_size=whole(cfg, "batch_size"),
        chunk_seconds=None if cfg.chunk_seconds is None else number(cfg, "chunk_seconds"),
        shifts=whole(cfg, "shifts"),
        tta=words(cfg, "tta"),
        device=device_of(cfg),
        precision=cfg.precision,
        engine=cfg.engine,
        compile=switch(cfg, "compile"),
    )


def device_of(cfg: DictConfig) -> str:
    """The device to compute on: ``auto`` in one of several processes is an accelerator of its own."""
    shared = "LOCAL_RANK" in os.environ or ("shard" in cfg and cfg.shard.count > 1)
    if word(cfg, "device") != "auto" or cfg.engine == "openvino" or not shared:
        return cfg.device
    rank = os.environ.get("LOCAL_RANK")
    return str(best_device(cfg.shard.index if rank is None else int(rank)))


def _own(
    models: Sequence[SeparationModel], number: int, paths: Sequence[str], stems: Sequence[str] | None
) -> Sequence[str] | None:
    """Those of the stems that a model has, if there are several models, each of which may have some.

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


def one_for_each(paths: Sequence[str], value: Any, key: str) -> list[str | None]:
    """A value for each checkpoint.

    Raises:
        InputError: If there are more or fewer of them.
    """
    values = list(value) if isinstance(value, ListConfig) else [value]
    if values == [None]:
        values *= len(paths)
    if len(values) != len(paths):
        raise InputError(f"{key} has {len(values)} value(s) for {len(paths)} checkpoint(s): give one for each")
    return values
