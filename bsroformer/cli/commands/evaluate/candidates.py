"""Candidates of an evaluation: checkpoints, and folders of stems."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.model_names import name_model
from bsroformer.cli.checkpoint_sources import checkpoint_fingerprints, open_checkpoints
from bsroformer.cli.commands.evaluate.config import EvaluateConfig
from bsroformer.cli.commands.separate.separators import device_of, separator_from
from bsroformer.cli.schemas.groups import CheckpointSource
from bsroformer.errors import InputError
from bsroformer.evaluation import Candidate
from bsroformer.file_state import digest
from bsroformer.inference.ensemble import Weights

SOUND_KEYS = ("overlap", "shifts", "tta", "chunk_seconds", "precision", "engine")
"""Keys that change the stems of every model."""


@dataclass(frozen=True)
class ModelSource:
    """The checkpoints of one model, and their weights in the mean."""

    files: CheckpointSource
    weights: Weights | None


def build_candidates(cfg: EvaluateConfig, console: Console) -> dict[str, Candidate]:
    """Build the checkpoints of ``ckpt`` and the folders of ``estimates``, by name.

    A list of checkpoints is averaged, as in ``bsroformer separate``; of a mapping, each is evaluated.

    Raises:
        InputError: If there are no candidates, one cannot be opened, or two have one name.
    """
    found: dict[str, Candidate] = {}
    for name, source in checkpoints(cfg).items():
        opened = open_checkpoints(source.files, console)
        separator = separator_from(opened, cfg, weights=source.weights, device=device_of(cfg))
        found[name] = Candidate(separator, model_settings(cfg, source, opened))
    for name, folder in folders(cfg).items():
        if name in found:
            raise InputError(f"two candidates are called {name}; name them, as in estimates={{theirs: {folder}}}")
        found[name] = Candidate(folder)
    if not found:
        raise InputError("ckpt and estimates are null; give ckpt=..., or estimates=<a folder of stems>")
    return found


def checkpoints(cfg: EvaluateConfig) -> dict[str, ModelSource]:
    """Return the source of each model by name."""
    if cfg.ckpt is None:
        return {}
    if isinstance(cfg.ckpt, dict):
        return {name: _of_one(cfg, name) for name in cfg.ckpt}
    if isinstance(cfg.config, dict) or isinstance(cfg.sha256, dict) or isinstance(cfg.base, dict):
        raise InputError(
            "config, sha256 or base is a mapping by a model's name, and ckpt is not; give them as lists, one value for "
            "each checkpoint"
        )
    weights = cast(Weights | None, cfg.weights)  # the ensemble checks them against its members
    files = CheckpointSource(ckpt=cfg.ckpt, config=cfg.config, sha256=cfg.sha256, base=cfg.base)
    return {name_model(cfg.ckpt): ModelSource(files, weights)}


def _of_one(cfg: EvaluateConfig, name: str) -> ModelSource:
    """Return the source of one of several models.

    ``config``, ``sha256``, ``base`` and ``weights`` are mappings by the model's name, or null.
    """
    values: dict[str, Any] = {}
    for key in ("ckpt", "config", "sha256", "base", "weights"):
        value = getattr(cfg, key)
        if value is not None and not isinstance(value, dict):
            raise InputError(f"{key} must name its checkpoint, as in {key}={{{name}: ...}}")
        values[key] = None if value is None else value.get(name)
    weights = values.pop("weights")
    return ModelSource(CheckpointSource(**values), weights)


def folders(cfg: EvaluateConfig) -> dict[str, Path]:
    """Return the folders of stems by name.

    Raises:
        InputError: If one does not exist, or two have one name.
    """
    value = cfg.estimates or []
    if isinstance(value, dict):
        named = {name: Path(path) for name, path in value.items()}
    else:
        named = {Path(path).resolve().name: Path(path) for path in value}
        if len(named) < len(value):
            raise InputError(
                "two folders of estimates have one name; name them, as in estimates={a: x/stems, b: y/stems}"
            )
    for path in named.values():
        if not path.is_dir():
            raise InputError(f"estimates names {path}, which is not a folder; check the path")
    return named


def model_settings(cfg: EvaluateConfig, source: ModelSource, opened: Sequence[Checkpoint]) -> str:
    """Digest of a model's files, and of the settings that change its stems."""
    settings = {key: cfg.tree[key] for key in SOUND_KEYS}
    return digest([checkpoint_fingerprints(opened), settings | {"weights": source.weights}])


def facts_of(cfg: EvaluateConfig) -> dict[str, dict[str, Any]]:
    """Collect the facts of each candidate for the report, by name."""
    settings = {key: cfg.tree[key] for key in SOUND_KEYS}
    facts: dict[str, dict[str, Any]] = {}
    for name, source in checkpoints(cfg).items():
        ckpt = source.files.ckpt
        sound = settings | {"weights": source.weights}
        given = {key: value for key, value in sound.items() if value not in (None, [])}
        facts[name] = {"checkpoint": ckpt[0] if len(ckpt) == 1 else ckpt, **given}
    for name, path in folders(cfg).items():
        facts[name] = {"folder": str(path)}
    return facts
