"""From the configuration to a separator; nothing of training is imported for it."""

from collections.abc import Sequence
from typing import Any, cast

from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from bsroformer.checkpoints import Checkpoint, open_checkpoint
from bsroformer.errors import InputError
from bsroformer.inference import Ensemble, Separator, StreamSeparator
from bsroformer.inference.ensemble import Weights
from bsroformer.launch.config import paths_of
from bsroformer.model import BandSplitRoformer


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
    paths = paths_of(cfg.ckpt, "ckpt")
    configs, digests = (_one_for_each(paths, cfg[key], key) for key in ("config", "sha256"))
    members = []
    for path, config, sha256 in zip(paths, configs, digests, strict=True):
        model = opened_checkpoint(path, config, sha256, console).model()
        own = {stem.casefold() for stem in model.stems}
        chosen = stems if len(paths) == 1 or stems is None else [stem for stem in stems if stem.casefold() in own]
        members.append(separator_of(model, cfg, chosen))
    if cfg.weights is None:
        return members[0] if len(members) == 1 else Ensemble(members)
    if not isinstance(cfg.weights, ListConfig | DictConfig):
        raise InputError(f"weights={cfg.weights} must be a list such as [0.7,0.3], or one for each stem")
    return Ensemble(members, cast(Weights, OmegaConf.to_object(cfg.weights)))


def separator_of(model: BandSplitRoformer, cfg: DictConfig, stems: Sequence[str] | None = None) -> Separator:
    """A separator as ``configs/separation/`` describes it."""
    return Separator(
        model,
        stems,
        overlap=cfg.overlap,
        batch_size=cfg.batch_size,
        chunk_seconds=cfg.chunk_seconds,
        shifts=cfg.shifts,
        tta=list(cfg.tta),
        device=cfg.device,
        precision=cfg.precision,
        engine=cfg.engine,
        compile=cfg.compile,
    )


def _one_for_each(paths: Sequence[str], value: Any, key: str) -> list[str | None]:
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
