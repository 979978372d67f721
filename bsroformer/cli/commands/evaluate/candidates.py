"""From the configuration to what is evaluated: checkpoints, and folders of stems."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.model_names import name_model
from bsroformer.cli.commands.evaluate.config import EvaluateConfig
from bsroformer.cli.commands.separate.separators import device_of, separator_from
from bsroformer.cli.opening import checkpoint_fingerprints, open_checkpoints
from bsroformer.cli.schemas.groups import CheckpointSource
from bsroformer.errors import InputError
from bsroformer.evaluation import Candidate
from bsroformer.file_state import digest
from bsroformer.inference.ensemble import Weights

SOUND = ("overlap", "shifts", "tta", "chunk_seconds", "precision", "engine")
"""Keys that decide how the stems of every model sound."""


@dataclass(frozen=True)
class ModelSource:
    """The checkpoints of one model, and their weights in the mean."""

    files: CheckpointSource
    weights: Weights | None


def build_candidates(cfg: EvaluateConfig, console: Console) -> dict[str, Candidate]:
    """The checkpoints of ``ckpt`` and the folders of ``estimates``, by name.

    A list of checkpoints is averaged, as in ``bsroformer separate``; of a mapping, each is evaluated.

    Raises:
        InputError: If there is none, one cannot be opened, or two have one name.
    """
    found: dict[str, Candidate] = {}
    for name, source in checkpoints(cfg).items():
        opened = open_checkpoints(source.files, console)
        separator = separator_from(opened, cfg, weights=source.weights, device=device_of(cfg))
        found[name] = Candidate(separator, model_settings(cfg, source, opened))
    for name, folder in folders(cfg).items():
        if name in found:
            raise InputError(f"two candidates are called {name}: name them, as in estimates={{theirs: {folder}}}")
        found[name] = Candidate(folder)
    if not found:
        raise InputError("there is nothing to evaluate: give ckpt=..., or estimates=<a folder of stems>")
    return found


def checkpoints(cfg: EvaluateConfig) -> dict[str, ModelSource]:
    """Where each model comes from, by its name."""
    if cfg.ckpt is None:
        return {}
    if isinstance(cfg.ckpt, dict):
        return {name: _of_one(cfg, name) for name in cfg.ckpt}
    if isinstance(cfg.config, dict) or isinstance(cfg.sha256, dict):
        raise InputError("config and sha256 are mappings by a model's name only if ckpt is one: give both as lists")
    weights = cast(Weights | None, cfg.weights)  # which the ensemble checks against its members
    files = CheckpointSource(ckpt=cfg.ckpt, config=cfg.config, sha256=cfg.sha256)
    return {name_model(cfg.ckpt): ModelSource(files, weights)}


def _of_one(cfg: EvaluateConfig, name: str) -> ModelSource:
    """Where one of several models comes from; what goes with each of them has a value for each, or none."""
    values: dict[str, Any] = {}
    for key in ("ckpt", "config", "sha256", "weights"):
        value = getattr(cfg, key)
        if value is not None and not isinstance(value, dict):
            raise InputError(f"{key} must name the checkpoint it is of, as in {key}={{{name}: ...}}")
        values[key] = None if value is None else value.get(name)
    weights = values.pop("weights")
    return ModelSource(CheckpointSource(**values), weights)


def folders(cfg: EvaluateConfig) -> dict[str, Path]:
    """The folders of stems, by name.

    Raises:
        InputError: If one is not there, or two have one name.
    """
    value = cfg.estimates or []
    if isinstance(value, dict):
        named = {name: Path(path) for name, path in value.items()}
    else:
        listed = [Path(path) for path in value]
        named = {path.resolve().name: path for path in listed}
        if len(named) < len(listed):
            raise InputError(
                "two folders of estimates have one name: name them, as in estimates={a: x/stems, b: y/stems}"
            )
    if missing := next((path for path in named.values() if not path.is_dir()), None):
        raise InputError(f"there is no folder {missing}, which estimates names: check the path")
    return named


def model_settings(cfg: EvaluateConfig, source: ModelSource, opened: Sequence[Checkpoint]) -> str:
    """Digest of the files that a model was read from, and of the settings that decide how its stems sound."""
    return digest(
        [checkpoint_fingerprints(opened), {key: cfg.tree[key] for key in SOUND} | {"weights": source.weights}]
    )


def facts_of(cfg: EvaluateConfig) -> dict[str, dict[str, Any]]:
    """What is evaluated, for the report: method -> what it is made of."""
    sound = {key: cfg.tree[key] for key in SOUND}
    models = {}
    for name, source in checkpoints(cfg).items():
        facts = sound | {"weights": source.weights}
        ckpt = source.files.ckpt
        one = ckpt[0] if len(ckpt) == 1 else ckpt
        models[name] = {"checkpoint": one, **{key: value for key, value in facts.items() if value not in (None, [])}}
    return models | {name: {"folder": str(path)} for name, path in folders(cfg).items()}
