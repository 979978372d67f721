"""From Hydra's composed tree to the one that a script works with."""

import os
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values, find_dotenv
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf

from bsroformer.atomic import write_text
from bsroformer.audio.activity import ACTIVE_DB
from bsroformer.errors import InputError
from bsroformer.launch.path_keys import PATHS
from bsroformer.launch.ranks import accumulated_batches, by_torchrun
from bsroformer.launch.values import check_values
from bsroformer.run_folder import CONFIG, RunFolder

CONFIG_FILE = CONFIG
"""The resolved configuration, in the folder of a run."""
NO_FOLDER = "."
"""``hydra.run.dir`` unless Lightning sets it: scripts make their folders themselves."""
AUTO = "auto"
"""``resume=auto`` resumes if the run's folder holds a checkpoint, else starts, as a job that is started again must;
``activation_checkpointing=auto`` decides by the memory there is."""


def run_folder(resume: str | None, new: str) -> str:
    """The folder of a training: the one that is resumed, maybe named by one of its checkpoints, or a new one."""
    if resume in (None, AUTO):
        return new
    return str(RunFolder.of(Path(str(resume))).path)


def monitor_mode(name: str) -> str:
    """``max`` if a high score is good, else ``min``."""
    from bsroformer.report.monitor import Monitor

    return Monitor(str(name)).mode


OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
OmegaConf.register_new_resolver("monitor_mode", monitor_mode, replace=True)
OmegaConf.register_new_resolver("accumulated", accumulated_batches, replace=True)
OmegaConf.register_new_resolver("active_db", lambda: ACTIVE_DB, replace=True)


def prepared(cfg: DictConfig) -> DictConfig:
    """A read-only copy of the tree, with `.env` in the environment and the run's true folder.

    Raises:
        InputError: For a value that is wrong, or a sweep over a trainer of several processes.
    """
    load_environment()
    cfg = cfg.copy()
    check_values(cfg)
    expand_home(cfg)
    from bsroformer.launch.checkpoint_paths import name_checkpoints

    name_checkpoints(cfg)
    if HydraConfig.initialized():
        hydra = cast(DictConfig, HydraConfig.get())
        if hydra.mode == RunMode.MULTIRUN:
            refuse_many_processes(cfg)
            cfg.paths.output_dir = hydra.runtime.output_dir  # each job of a sweep has a folder of its own
        elif int(os.environ.get("LOCAL_RANK", 0)) > 0 and hydra.get("run", {}).get("dir") != NO_FOLDER:
            cfg.paths.output_dir = hydra.runtime.output_dir  # Lightning sets it to that of rank 0
    OmegaConf.set_readonly(cfg, True)
    return cfg


def load_environment() -> None:
    """Put `.env` into the environment; a line without a value says nothing."""
    for name, value in dotenv_values(find_dotenv(usecwd=True)).items():
        if value and name not in os.environ:
            os.environ[name] = value


def expand_home(cfg: DictConfig) -> None:
    """Replace ``~`` at the start of paths by the user's folder."""
    for key in PATHS:
        value = OmegaConf.select(cfg, key, throw_on_missing=False)
        if isinstance(value, str) and value.startswith("~"):
            OmegaConf.update(cfg, key, str(Path(value).expanduser()))


def path_of(value: Any, key: str) -> Path:
    """The path that is the value of a key.

    Raises:
        InputError: If the value is something else.
    """
    if not isinstance(value, str):
        raise InputError(f"{key}={value} is no path: give one, in quotes if its name is a number")
    return Path(value)  # `prepared` has put the user's folder in it


def paths_of(value: Any, key: str) -> list[str]:
    """The paths that are the value of a key: one, or a list.

    Raises:
        InputError: If the value is something else, or an empty list.
    """
    values = list(value) if isinstance(value, ListConfig) else [value]
    if not values:
        raise InputError(f"{key}=[] names nothing: give a path")
    return [str(Path(path_of(each, key)).expanduser()) if "://" not in str(each) else str(each) for each in values]


def number(cfg: DictConfig, key: str) -> float:
    """The number that is the value of a key.

    Raises:
        InputError: If it is something else.
    """
    return _of_kind(cfg, key, "a number", int, float)


def whole(cfg: DictConfig, key: str) -> int:
    """The whole number that is the value of a key.

    Raises:
        InputError: If it is something else.
    """
    return _of_kind(cfg, key, "a whole number", int)


def switch(cfg: DictConfig, key: str) -> bool:
    """Whether a key is true.

    Raises:
        InputError: If it is neither true nor false.
    """
    return _of_kind(cfg, key, "true or false", bool)


def word(cfg: DictConfig, key: str) -> str:
    """The word that is the value of a key.

    Raises:
        InputError: If it is something else.
    """
    return _of_kind(cfg, key, "a word", str)


def words(cfg: DictConfig, key: str) -> list[str]:
    """The words that are the value of a key: one, or a list.

    Raises:
        InputError: If it is something else.
    """
    value = OmegaConf.select(cfg, key)
    found = list(value) if isinstance(value, ListConfig) else [value]
    if not all(isinstance(each, str) for each in found):
        raise InputError(f"{key}={value} must be a list of words: write {key}=[a,b], in quotes what is a number")
    return found


def _of_kind(cfg: DictConfig, key: str, kind: str, *types: type) -> Any:
    value = OmegaConf.select(cfg, key, throw_on_missing=True)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise InputError(f"{key}={value} must be {kind}")
    return value


def refuse_many_processes(cfg: DictConfig) -> None:
    """Stop a sweep that would start again in every process of a distributed trainer.

    Raises:
        InputError: If the trainer has several devices, or torchrun started this process.
    """
    trainer = cfg.get("trainer") or {}
    several = trainer.get("strategy", "auto") != "auto" or any(
        str(trainer.get(key, 1)) != "1" for key in ("devices", "num_nodes")
    )
    if several or by_torchrun():
        raise InputError(
            "a sweep (-m) cannot run with several devices, since each process would start the whole sweep: "
            "use trainer=gpu without torchrun, or start the runs one by one with trainer=ddp"
        )


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The resolved tree as dicts, lists, strings and numbers."""
    tree = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def save_config(cfg: DictConfig, folder: Path) -> None:
    """Write the resolved tree to ``config.yaml``; secrets are not in it, they stay in the environment."""
    path = folder / CONFIG_FILE
    write_text(path, OmegaConf.to_yaml(cfg, resolve=True))
