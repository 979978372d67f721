"""Go on with a training: its configuration, its folder and its last good checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from bsroformer.checkpoints.native import ENTRY, read_training_checkpoint
from bsroformer.checkpoints.start import leaves
from bsroformer.errors import InputError
from bsroformer.launch.config import AUTO, CONFIG_FILE, path_of, plain
from bsroformer.launch.ranks import by_torchrun
from bsroformer.launch.wandb_mode import logs_to_wandb, wandb_run
from bsroformer.model import ModelSettings
from bsroformer.training.checkpoint_file import LAST, last_good_checkpoint
from bsroformer.training.slurm import started_again

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints in a run's."""
WHICH = ("resume", "paths.output_dir", "ckpt_path")
"""Keys that say which run goes on; all others change it."""


def with_run_to_resume(cfg: DictConfig, console: Console) -> DictConfig:
    """The configuration of the run that ``resume`` names, changed as the command line says; `cfg` if it names none.

    Its ``ckpt_path`` is the last good checkpoint, and ``paths.output_dir`` the run's folder.

    Args:
        cfg: As composed from the configs and the command line.
        console: Where checkpoints that had to be passed over are told.

    Raises:
        InputError: If there is no such run, or it would begin anew in the folder of another.
    """
    if cfg.resume is None and started_again() and names_folder(command_line()):
        cfg = with_auto(cfg)
    if cfg.resume is None:
        refuse_folder_in_use(cfg)
        return cfg
    folder = run_to_resume(cfg)
    checkpoint, passed_over = last_good_checkpoint(folder / CHECKPOINTS)
    for sentence in passed_over:
        console.print(f"{sentence}; the checkpoint before is looked for.", style="yellow")
    if checkpoint is None:
        if cfg.resume == AUTO and not passed_over:
            return cfg
        raise InputError(
            f"resume={cfg.resume}: {folder} holds no checkpoint that a training could go on from: "
            "give the folder of a run, such as runs/train/<time>, or start anew without resume"
        )
    resumed = changed(run_config(folder), cfg, command_line())
    resumed.ckpt_path = str(checkpoint)
    if logs_to_wandb(resumed) and (run := wandb_run(folder)):
        OmegaConf.update(resumed, "logger", {"id": run, "resume": "allow"}, force_add=True)
    OmegaConf.set_readonly(resumed, True)
    return resumed


def with_auto(cfg: DictConfig) -> DictConfig:
    """The same with ``resume=auto``."""
    cfg = cfg.copy()
    OmegaConf.set_readonly(cfg, False)
    cfg.resume = AUTO
    OmegaConf.set_readonly(cfg, True)
    return cfg


def run_to_resume(cfg: DictConfig) -> Path:
    """The folder of the run that goes on; a job of a sweep has its own.

    Raises:
        InputError: If two are named.
    """
    if cfg.ckpt_path:
        raise InputError(f"resume={cfg.resume} finds its checkpoint itself: leave ckpt_path={cfg.ckpt_path} out")
    folder = Path(cfg.paths.output_dir)
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if cfg.resume == AUTO and not in_sweep and not names_folder(command_line()):
        raise InputError("resume=auto looks for a run at paths.output_dir, whose name has the time in it: give one")
    if cfg.resume != AUTO and not in_sweep and path_of(cfg.resume, "resume") != folder:
        raise InputError(
            f"resume={cfg.resume} goes on in that folder, and paths.output_dir={folder} names another: leave it out"
        )
    return folder


def refuse_folder_in_use(cfg: DictConfig) -> None:
    """Keep a new run out of the folder of an old one, whose checkpoints it would replace.

    Raises:
        InputError: If there is one.
    """
    last = Path(cfg.paths.output_dir) / CHECKPOINTS / LAST
    goes_on = cfg.ckpt_path and Path(cfg.ckpt_path).resolve().parent == last.resolve().parent
    if last.exists() and not goes_on:
        folder = cfg.paths.output_dir
        raise InputError(
            f"paths.output_dir={folder} holds a training already: resume={folder} goes on with it; "
            "give another folder, or remove that one, to start anew"
        )


def run_config(folder: Path) -> DictConfig:
    """The configuration that a run was started with, resolved; its folder may have been moved since.

    Raises:
        InputError: If it is not there or cannot be read.
    """
    path = folder / CONFIG_FILE
    try:
        loaded = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise InputError(f"{folder} is no run's folder: it has checkpoints, but no {CONFIG_FILE}") from error
    except Exception as error:  # the parser's errors have many types
        raise InputError(
            f"{path} cannot be read ({str(error).splitlines()[0]}): restore it, or use ckpt_path"
        ) from error
    if not isinstance(loaded, DictConfig) or OmegaConf.select(loaded, "paths.output_dir") is None:
        raise InputError(f"{path} is not the configuration of a training: restore it, or use ckpt_path")
    return OmegaConf.create(moved(plain(loaded), loaded.paths.output_dir, str(folder)))


def command_line() -> list[str]:
    """What was given on the command line, or to this job of a sweep."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def names_folder(overrides: Sequence[str]) -> bool:
    """Whether it is known where a run goes, and not by the time: from the command line, torchrun, or without Hydra."""
    return (
        not HydraConfig.initialized()
        or by_torchrun()
        or any(each.startswith("paths.output_dir=") for each in overrides)
    )


def changed(run: DictConfig, composed: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """A run's configuration, with the keys and groups that the command line names as they were composed anew.

    Raises:
        InputError: If a group that reaches into others, such as an experiment, is among them.
    """
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.key_or_group.replace("/", ".")
        if key in WHICH:
            continue
        if override.is_delete():
            group, _, name = key.rpartition(".")
            (OmegaConf.select(run, group) if group else run).pop(name, None)
        elif OmegaConf.select(composed, key, default=override) is override or reaches_elsewhere(override):
            raise InputError(
                f"{key}={override.value()} cannot be given to a run that goes on, since it stands for many keys: "
                "give those that are to change"
            )
        else:
            for each in (key, *followers(composed, key)):
                OmegaConf.update(run, each, OmegaConf.select(composed, each), merge=False, force_add=True)
    return run


def reaches_elsewhere(override: Override) -> bool:
    """Whether a group's option sets keys of other groups too, as ``trainer=rtx3050`` does."""
    if not HydraConfig.initialized():
        return False
    folders = (Path(source.path) for source in HydraConfig.get().runtime.config_sources if source.schema == "file")
    files = [folder / override.key_or_group / f"{override.value()}.yaml" for folder in folders]
    return any("@package _global_" in file.read_text("utf-8").partition("\n")[0] for file in files if file.is_file())


def followers(cfg: DictConfig, key: str) -> list[str]:
    """The keys whose values are taken from a key, or from a key that follows it."""
    tree: Any = OmegaConf.to_container(cfg, resolve=False)
    written = {name: str(value) for name, value in leaves(tree)}
    found, named = [], [key]
    while named:
        source = named.pop()
        places = (f"${{{source}}}", f"${{{source}.")
        new = [name for name, text in written.items() if any(place in text for place in places) and name not in found]
        found += new
        named += new
    return [name for name in found if name not in WHICH]


def moved(value: Any, old: str, new: str) -> Any:
    """A plain tree in which paths in a run's folder are those in its new place."""
    if isinstance(value, dict):
        return {key: moved(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [moved(each, old, new) for each in value]
    inside = isinstance(value, str) and (value == old or value.startswith(f"{old}/"))
    return new + value[len(old) :] if inside else value


def told_of_resuming(cfg: DictConfig, console: Console) -> str | None:
    """The checkpoint to go on from, with a word on where the run stands and where it goes.

    Raises:
        InputError: If it is another model's, or no training's, or has been trained for longer than is configured.
    """
    if not cfg.ckpt_path:
        return None
    path = path_of(cfg.ckpt_path, "ckpt_path")
    checkpoint = read_training_checkpoint(path)
    refuse_another_model(cfg, checkpoint[ENTRY]["model"])
    refuse_shorter_run(cfg, checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"])
    folder = Path(cfg.paths.output_dir)
    if path.resolve().parent != (folder / CHECKPOINTS).resolve():
        console.print(
            f"This run goes to a new folder; resume={path.parent.parent} goes on in the old one.", style="yellow"
        )
    console.print(f"Goes on after step {checkpoint['global_step']:,}, from {path}")
    return str(path)


def refuse_shorter_run(cfg: DictConfig, epochs: int) -> None:
    """Make sure that a run has not been trained for more epochs than it is to be.

    Raises:
        InputError: If so.
    """
    if cfg.trainer.max_epochs is not None and -1 < cfg.trainer.max_epochs < epochs:
        raise InputError(
            f"trainer.max_epochs={cfg.trainer.max_epochs} is less than the {epochs} epochs that {cfg.ckpt_path} "
            "has been trained for: raise it to go on"
        )


def refuse_another_model(cfg: DictConfig, kept: dict[str, Any]) -> None:
    """Make sure that the checkpoint is of the model that is configured.

    Raises:
        InputError: Naming the first key that differs.
    """
    configured = ModelSettings.from_dict(plain(cfg.model)).model_dump(mode="json")
    ours, theirs = dict(leaves(configured)), dict(leaves(kept))
    if key := next((key for key in ours if ours[key] != theirs.get(key)), None):
        raise InputError(
            f"model.{key} is {ours[key]}, and {theirs.get(key)} in {cfg.ckpt_path}: a training goes on with the model "
            "it has; start another from its weights with init_from"
        )
