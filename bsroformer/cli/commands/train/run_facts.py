"""Facts of a run: ``run.json``, and the logger's hyperparameters."""

import json
import warnings
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig

from bsroformer.atomic import set_aside, write_text
from bsroformer.checkpoints.native import describe
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.program_facts import GitState, git_state, program_facts
from bsroformer.errors import InputError
from bsroformer.hardware import device_name
from bsroformer.models import ModelSettings, SeparationModel
from bsroformer.run_folder import AVERAGE, BEST, BEST_ENTRY, CHECKPOINTS, RunFolder
from bsroformer.safe_files import CONFIGURATION, read_json

STARTS = "starts"
"""The entry of a run's facts that lists its starts."""
CHOICES = ("experiment", "model", "data", "augment", "loss", "optimizer", "scheduler", "trainer")
"""Groups whose chosen configs are facts of a run."""


def record_run(cfg: TrainConfig, trainer: L.Trainer, model: SeparationModel, resumed: str | None) -> None:
    """Add this start of the run to ``run.json``, and log it with the configuration.

    Each resume adds an entry to ``starts``. Changes to a checkout that were not committed go to ``changes.patch``,
    those of the second start to ``changes-2.patch``, and so on.

    Args:
        cfg: The configuration, which holds no secrets.
        trainer: The trainer, on its first rank.
        model: The model.
        resumed: The checkpoint that the run resumes from.
    """
    folder = cfg.paths.output_dir
    git = git_state()
    starts = read_starts(RunFolder(folder).facts)
    facts = {**program_facts(), **training_facts(trainer, model), "resumed_from": resumed, "git": None}
    facts["tags"] = list(cfg.tags or [])
    facts["choices"] = choices()
    if git:
        number = f"-{len(starts) + 1}" if starts else ""
        patch = f"changes{number}.patch" if git.changes else None
        facts["git"] = git_facts(git, patch)
        if patch:
            write_text(folder / patch, git.changes)
    write_text(RunFolder(folder).facts, json.dumps({STARTS: [*starts, facts]}, indent=2) + "\n")
    if trainer.logger:
        trainer.logger.log_hyperparams(cfg.tree | {"run": facts})


def record_best(folder: Path, checkpoint: str) -> None:
    """Add the best checkpoint to ``run.json``."""
    name = Path(checkpoint).name
    if name in (BEST, AVERAGE):
        path = RunFolder(folder).facts
        facts = {STARTS: read_starts(path), BEST_ENTRY: f"{CHECKPOINTS}/{name}"}
        write_text(path, json.dumps(facts, indent=2) + "\n")


def record_end(folder: Path, end: str, step: int) -> None:
    """Add time, status and step of the end to the latest start in ``run.json``."""
    path = RunFolder(folder).facts
    starts = read_starts(path)
    if not starts:
        return
    ended = datetime.now(timezone.utc).isoformat(timespec="seconds")
    starts[-1] |= {"ended": ended, "end": end, "step": step}
    facts = {**read_json(path, CONFIGURATION), STARTS: starts}
    write_text(path, json.dumps(facts, indent=2) + "\n")


def choices() -> dict[str, str]:
    """Return the chosen config of each group, as ``model: lite``.

    Empty outside of Hydra.
    """
    config = HydraConfig.instance().cfg
    if config is None:
        return {}
    chosen = HydraConfig.get().runtime.choices
    return {group: str(chosen[group]) for group in CHOICES if chosen.get(group)}


def read_starts(path: Path) -> list[dict[str, Any]]:
    """Read the starts of a run so far; empty without the file.

    One that is damaged is kept beside as ``run.damaged.json``, with a warning.
    """
    if not path.exists():
        return []
    try:
        facts = read_json(path, CONFIGURATION)
        starts = facts.get(STARTS) if isinstance(facts, dict) else None
        if isinstance(starts, list) and all(isinstance(start, dict) for start in starts):
            return starts
        problem = f"{path} is damaged: it has no list '{STARTS}'"
    except InputError as error:
        problem = str(error)
    renamed = set_aside(path)
    warnings.warn(f"{problem}. It is kept as {renamed.name}; {path.name} starts again with this start.", stacklevel=1)
    return []


def training_facts(trainer: L.Trainer, model: SeparationModel) -> dict[str, Any]:
    """Collect the facts of device, precision and model."""
    device = trainer.strategy.root_device
    return {
        "device": device_name(device),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "devices": trainer.world_size,
        "precision": trainer.precision,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "model_hash": model_hash(model.settings),
    }


def git_facts(git: GitState, patch: str | None) -> dict[str, Any]:
    """Return the facts of the checkout and its patch."""
    return {"commit": git.commit, "branch": git.branch, "dirty": git.dirty, "patch": patch}


def model_hash(settings: ModelSettings) -> str:
    """Return the SHA-256 of the model's settings as canonical JSON.

    The JSON is ASCII, its keys are sorted, and it has no spaces.

    Two models have the same hash if and only if all their settings are equal, those with a default included: their
    checkpoints then fit each other. It says nothing of the weights.
    """
    tree = describe(settings)["model"]
    return sha256(json.dumps(tree, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
