"""The resolved configuration of a command, as a plain tree."""

import os
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values, find_dotenv
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bsroformer.atomic import write_text
from bsroformer.audio.activity import ACTIVE_DB
from bsroformer.cli.config_classes import with_present_paths
from bsroformer.cli.config_tree import PATHS
from bsroformer.cli.dotted_keys import remove
from bsroformer.cli.torchrun import accumulated_batches, by_torchrun
from bsroformer.errors import InputError
from bsroformer.run_folder import CONFIG, RunFolder

CONFIG_FILE = CONFIG
"""The resolved configuration, in the folder of a run."""
NO_FOLDER = "."
"""``hydra.run.dir`` unless Lightning sets it: commands make their folders themselves."""
AUTO = "auto"
"""``resume=auto`` resumes if the run's folder holds a checkpoint, else starts; a requeued job needs that.
``activation_checkpointing=auto`` decides by the available memory."""


def run_folder(resume: str | None, new: str) -> str:
    """Return the folder of a training: that of the resumed run, or a new one.

    A checkpoint of a run names its folder too.
    """
    if resume in (None, AUTO):
        return new
    return str(RunFolder.of(Path(str(resume))).path)


def monitor_mode(name: str) -> str:
    """Return ``max`` if a high score is good, else ``min``."""
    from bsroformer.report.monitor import Monitor

    return Monitor(str(name)).mode


OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
OmegaConf.register_new_resolver("monitor_mode", monitor_mode, replace=True)
OmegaConf.register_new_resolver("accumulated", accumulated_batches, replace=True)
OmegaConf.register_new_resolver("active_db", lambda: ACTIVE_DB, replace=True)


def composed_trees(cfg: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plain tree of a configuration, resolved and as written.

    In the second, ``${...}`` marks a value that follows from another key.

    The tree has the run's true folder. Keys without a value (``???``) are absent; keys that follow from them are null.
    """
    cfg = cfg.copy()
    missing = OmegaConf.missing_keys(cfg)
    for key in missing:
        OmegaConf.update(cfg, key, None)
    expand_home(cfg)
    if HydraConfig.initialized():
        hydra = cast(DictConfig, HydraConfig.get())
        if hydra.mode == RunMode.MULTIRUN:
            refuse_many_processes(cfg)
            cfg.paths.output_dir = hydra.runtime.output_dir  # each job of a sweep has a folder of its own
        elif int(os.environ.get("LOCAL_RANK", 0)) > 0 and hydra.get("run", {}).get("dir") != NO_FOLDER:
            cfg.paths.output_dir = hydra.runtime.output_dir  # Lightning sets it to that of rank 0
    tree = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    written = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False))
    for key in missing:
        remove(tree, key)
    return with_present_paths(tree), with_present_paths(written)


def load_environment() -> None:
    """Load `.env` into the environment; lines without a value are ignored."""
    for name, value in dotenv_values(find_dotenv(usecwd=True)).items():
        if value and name not in os.environ:
            os.environ[name] = value


def expand_home(cfg: DictConfig) -> None:
    """Expand ``~`` at the start of paths."""
    for key in PATHS:
        value = OmegaConf.select(cfg, key, throw_on_missing=False)
        if isinstance(value, str) and value.startswith("~"):
            OmegaConf.update(cfg, key, str(Path(value).expanduser()))


def refuse_many_processes(cfg: DictConfig) -> None:
    """Stop a sweep that would start again in every process of a distributed trainer.

    Raises:
        InputError: If the trainer has several devices, or torchrun started this process.
    """
    trainer = cfg.get("trainer") or {}
    has_strategy = trainer.get("strategy", "auto") != "auto"
    has_several = any(str(trainer.get(key, 1)) != "1" for key in ("devices", "num_nodes"))
    if has_strategy or has_several or by_torchrun():
        raise InputError(
            "a sweep (-m) cannot run with several devices, since each process would start the whole sweep; "
            "use trainer=gpu without torchrun, or start the runs one by one with trainer=ddp"
        )


def save_config(tree: dict[str, Any], folder: Path) -> None:
    """Write a plain tree to ``config.yaml``; secrets stay in the environment."""
    write_text(folder / CONFIG_FILE, OmegaConf.to_yaml(OmegaConf.create(tree)))
