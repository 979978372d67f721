"""From the configuration to what is evaluated: checkpoints, and folders of stems."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.naming import name_of
from bsroformer.errors import InputError
from bsroformer.evaluation import Candidate
from bsroformer.file_state import digest
from bsroformer.launch.config import path_of, paths_of, plain
from bsroformer.launch.separators import checkpoint_fingerprints, open_checkpoints, separator_from

DECIDING = ("overlap", "shifts", "tta", "chunk_seconds", "precision", "engine", "weights")
"""Keys that decide how stems sound."""


def build_candidates(cfg: DictConfig, console: Console) -> dict[str, Candidate]:
    """The checkpoints of ``ckpt`` and the folders of ``estimates``, by name.

    A list of checkpoints is averaged, as in ``bsroformer separate``; of a mapping, each is evaluated.

    Raises:
        InputError: If there is none, one cannot be opened, or two have one name.
    """
    found: dict[str, Candidate] = {}
    for name, one in checkpoints(cfg).items():
        opened = open_checkpoints(one, console)
        found[name] = Candidate(separator_from(opened, one), model_settings(one, opened))
    for name, folder in folders(cfg).items():
        if name in found:
            raise InputError(f"two candidates are called {name}: name them, as in estimates={{theirs: {folder}}}")
        found[name] = Candidate(folder)
    if not found:
        raise InputError("there is nothing to evaluate: give ckpt=..., or estimates=<a folder of stems>")
    return found


def checkpoints(cfg: DictConfig) -> dict[str, DictConfig]:
    """A configuration for each model, by its name."""
    if cfg.ckpt is None:
        return {}
    if not isinstance(cfg.ckpt, DictConfig):
        return {name_of(paths_of(cfg.ckpt, "ckpt")): cfg}
    return {name: _of_one(cfg, name) for name in map(str, cfg.ckpt)}


def _of_one(cfg: DictConfig, name: str) -> DictConfig:
    """The configuration with one of several models; what goes with each of them has a value for each, or none."""
    one = cfg.copy()
    OmegaConf.set_readonly(one, False)
    for key in ("ckpt", "config", "sha256", "weights"):
        value = cfg[key]
        if isinstance(value, DictConfig):
            one[key] = value.get(name)
        elif value is not None:
            raise InputError(f"{key}={value} must name the checkpoint it is of, as in {key}={{{name}: ...}}")
    return one


def folders(cfg: DictConfig) -> dict[str, Path]:
    """The folders of stems, by name.

    Raises:
        InputError: If one is not there, or two have one name.
    """
    value = cfg.estimates
    if value is None:
        return {}
    if isinstance(value, DictConfig):
        named = {name: path_of(value[name], f"estimates.{name}").expanduser() for name in map(str, value)}
    else:
        listed = [Path(path) for path in paths_of(value, "estimates")]
        named = {path.resolve().name: path for path in listed}
        if len(named) < len(listed):
            raise InputError(
                "two folders of estimates have one name: name them, as in estimates={a: x/stems, b: y/stems}"
            )
    if missing := next((path for path in named.values() if not path.is_dir()), None):
        raise InputError(f"there is no folder {missing}, which estimates names: check the path")
    return named


def model_settings(cfg: DictConfig, opened: Sequence[Checkpoint]) -> str:
    """Digest of the files that a model was read from, and of the settings that decide how its stems sound."""
    tree = plain(cfg)
    return digest([checkpoint_fingerprints(opened), {key: tree[key] for key in DECIDING}])


def facts_of(cfg: DictConfig) -> dict[str, dict[str, Any]]:
    """What is evaluated, for the report: method -> what it is made of."""
    models = {
        name: {
            "checkpoint": _plain(one.ckpt),
            **{key: _plain(one[key]) for key in DECIDING if one[key] not in (None, [])},
        }
        for name, one in checkpoints(cfg).items()
    }
    return models | {name: {"folder": str(path)} for name, path in folders(cfg).items()}


def _plain(value: Any) -> Any:
    return OmegaConf.to_object(value) if isinstance(value, ListConfig | DictConfig) else value
