"""Resume a training: its configuration, folder and last good checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from rich.console import Console

from bsroformer.checkpoints.native import ENTRY, read_training_checkpoint
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.resume.run_config import changed, completed, replaced_keys, run_config
from bsroformer.cli.commands.train.wandb_mode import logs_to_wandb, wandb_run
from bsroformer.cli.dotted_keys import put
from bsroformer.cli.resolved_config import AUTO, CONFIG_FILE
from bsroformer.cli.torchrun import by_torchrun
from bsroformer.cli.validation import prepared
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.run_folder import CHECKPOINTS, LAST, PREVIOUS, RunFolder, is_folder
from bsroformer.training import SeparationModule
from bsroformer.training.resume.checkpoint_io import last_good_checkpoint
from bsroformer.training.resume.slurm import started_again
from bsroformer.training.resume.state_check import check_training_state


def resolve_resume(cfg: TrainConfig, console: Console) -> TrainConfig:
    """Return the configuration of the run that ``resume`` names, with overrides.

    Without ``resume`` it is `cfg`.

    Its ``ckpt_path`` is the last good checkpoint, and ``paths.output_dir`` the run's folder.

    Args:
        cfg: As composed from the configs and the command line.
        console: Where checkpoints that had to be passed over are told.

    Raises:
        InputError: If there is no such run, or it would begin anew in the folder of another.
    """
    if cfg.resume is None and started_again() and names_folder(command_line()):
        cfg = cfg.replaced({"resume": AUTO})
    if cfg.resume is None:
        cfg = with_checkpoint_file(cfg, console)
        refuse_folder_in_use(cfg)
        return cfg
    folder = run_to_resume(cfg)
    checkpoint, skipped = checkpoint_to_resume(cfg, folder, console)
    if checkpoint is None:
        if cfg.resume == AUTO and not skipped:
            refuse_folder_in_use(cfg)
            return cfg
        raise InputError(
            f"resume={cfg.resume}: {folder} holds no checkpoint that a training could go on from: "
            "give the folder of a run, such as runs/train/<time>, or start anew without resume"
        )
    resumed = run_config(folder, replaced_keys(cfg, command_line()))
    if added := completed(resumed, cfg.tree):
        console.print(
            f"{folder / CONFIG_FILE} is of an older version and lacks keys, which are taken as today's configs have "
            f"them: {', '.join(added)}",
            style="yellow",
        )
    resumed = changed(resumed, cfg, command_line())
    put(resumed, "ckpt_path", str(checkpoint))
    try:
        merged = prepared(TrainConfig.checked(resumed))
    except InputError as error:
        raise InputError(f"{folder / CONFIG_FILE}: {error}") from error
    if logs_to_wandb(merged.logger) and (run := wandb_run(folder)):
        merged = merged.replaced({"logger.id": run, "logger.resume": "allow"})
    return merged


def checkpoint_to_resume(cfg: TrainConfig, folder: Path, console: Console) -> tuple[Path | None, int]:
    """Return the checkpoint to resume from, and the number of skipped ones.

    It is the file that ``resume`` names, or the last good one of the run.

    A damaged ``last.ckpt`` is skipped with a message, also where it is named.
    """
    named = Path(str(cfg.resume))
    is_file = named.suffix == ".ckpt" and not is_folder(named)
    if is_file and named.parent.resolve() != (folder / CHECKPOINTS).resolve():
        raise InputError(
            f"resume={cfg.resume} is not among the checkpoints of a run's folder: ckpt_path={cfg.resume} resumes from "
            "it with the configuration of the command line"
        )
    if is_file and named.name != LAST:
        return named, 0
    checkpoint, skipped = last_good_checkpoint(folder / CHECKPOINTS)
    for sentence in skipped:
        console.print(f"{sentence}; the checkpoint before is looked for.", style="yellow")
    return checkpoint, len(skipped)


def with_checkpoint_file(cfg: TrainConfig, console: Console) -> TrainConfig:
    """Replace a run's folder in ``ckpt_path`` by its last good checkpoint.

    Raises:
        InputError: If it has none.
    """
    if cfg.ckpt_path is None or not is_folder(cfg.ckpt_path):
        return cfg
    checkpoint, skipped = last_good_checkpoint(RunFolder.of(cfg.ckpt_path).checkpoints)
    for sentence in skipped:
        console.print(f"{sentence}; the checkpoint before is looked for.", style="yellow")
    if checkpoint is None:
        raise InputError(
            f"ckpt_path={cfg.ckpt_path} is a folder without {CHECKPOINTS}/{LAST}: give a checkpoint of a training, or "
            "the folder of one"
        )
    return cfg.replaced({"ckpt_path": str(checkpoint)})


def run_to_resume(cfg: TrainConfig) -> Path:
    """Return the folder of the run to resume; a job of a sweep has its own.

    Raises:
        InputError: If two are named.
    """
    if cfg.ckpt_path:
        raise InputError(f"resume={cfg.resume} finds its checkpoint itself: leave ckpt_path={cfg.ckpt_path} out")
    folder = cfg.paths.output_dir
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if cfg.resume == AUTO and not in_sweep and not names_folder(command_line()):
        raise InputError("resume=auto looks for a run at paths.output_dir, whose name has the time in it: give one")
    if cfg.resume != AUTO and not in_sweep and RunFolder.of(Path(str(cfg.resume))).path != folder:
        raise InputError(
            f"resume={cfg.resume} goes on in that folder, and paths.output_dir={folder} names another: leave it out"
        )
    return folder


def refuse_folder_in_use(cfg: TrainConfig) -> None:
    """Refuse a folder that holds a run, whose checkpoints would be replaced.

    Raises:
        InputError: If there is one.
    """
    folder = cfg.paths.output_dir
    kept = RunFolder(folder).checkpoint_files()
    resumes = cfg.ckpt_path and cfg.ckpt_path.resolve().parent == (folder / CHECKPOINTS).resolve()
    if not kept or resumes:
        return
    if any(path.name in (LAST, PREVIOUS) for path in kept):
        raise InputError(
            f"paths.output_dir={folder} holds a training already: resume={folder} goes on with it; "
            "give another folder, or remove that one, to start anew"
        )
    raise InputError(
        f"paths.output_dir={folder} holds a training already, of which {kept[0].name} is left, and no checkpoint to "
        f"resume from: give another folder, with init_from={folder} to start from its weights, or remove that one"
    )


def command_line() -> list[str]:
    """Return the overrides of the command line, or of this job of a sweep."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def names_folder(overrides: Sequence[str]) -> bool:
    """Return whether the run's folder is fixed, not named after the time.

    The command line or torchrun fixes it, or Hydra is not used.
    """
    return (
        not HydraConfig.initialized()
        or by_torchrun()
        or any(each.startswith("paths.output_dir=") for each in overrides)
    )


def announce_resume(
    cfg: TrainConfig, trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, console: Console
) -> str | None:
    """Check the checkpoint to resume from, and print where the run continues.

    Raises:
        InputError: If it is another model's, or no training's, or has been trained for longer than is configured.
    """
    path = cfg.ckpt_path
    if path is None:
        return None
    checkpoint = read_training_checkpoint(path)
    refuse_another_model(cfg, checkpoint[ENTRY]["model"])
    check_training_state(checkpoint, path, trainer, module, data)
    refuse_shorter_run(cfg, checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"])
    folder = cfg.paths.output_dir
    if path.resolve().parent != (folder / CHECKPOINTS).resolve():
        console.print(
            f"This run goes to a new folder; resume={path.parent.parent} goes on in the old one.", style="yellow"
        )
    console.print(f"Resuming from step {checkpoint['global_step']:,}, from {path}")
    if remedy := remedy_if_finished(cfg, checkpoint):
        console.print(f"The run is finished: it has made all its steps; {remedy} makes it longer", style="yellow")
    return str(path)


def remedy_if_finished(cfg: TrainConfig, checkpoint: dict[str, Any]) -> str:
    """Return the keys that extend a finished run; empty if it has steps left.

    A last validation to be made counts too.
    """
    states = checkpoint["callbacks"]
    steps = checkpoint["global_step"]
    if states.get("LastCheckpoint", {}).get("unvalidated"):
        return ""
    budget = states.get("Budget", {}).get("steps") if "budget" in (cfg.callbacks or {}) else None
    if budget and not (cfg.callbacks or {})["budget"].arguments.get("shorten"):
        return f"'~callbacks.budget' trainer.max_steps={2 * steps}" if steps >= budget else ""
    if 0 <= cfg.trainer.max_steps <= steps:
        return f"trainer.max_steps={2 * steps}"
    epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"]
    if cfg.trainer.max_epochs is not None and 0 <= cfg.trainer.max_epochs <= epochs:
        return f"trainer.max_epochs={2 * epochs}"
    return ""


def refuse_shorter_run(cfg: TrainConfig, epochs: int) -> None:
    """Check that a run was not trained for more epochs than configured.

    Raises:
        InputError: If so.
    """
    if cfg.trainer.max_epochs is not None and -1 < cfg.trainer.max_epochs < epochs:
        raise InputError(
            f"trainer.max_epochs={cfg.trainer.max_epochs} is less than the {epochs} epochs that {cfg.ckpt_path} "
            "has been trained for: raise it to go on"
        )


def refuse_another_model(cfg: TrainConfig, kept: dict[str, Any]) -> None:
    """Check that the checkpoint is of the configured model.

    Raises:
        InputError: Naming the first key that differs.
    """
    ours = cfg.settings.leaves()
    theirs = ModelSettings.from_dict(kept).leaves()
    if key := next((key for key in ours if ours[key] != theirs.get(key)), None):
        raise InputError(
            f"model.{key} is {ours[key]}, and {theirs.get(key)} in {cfg.ckpt_path}: a training goes on with the model "
            "it has; start another from its weights with init_from"
        )
