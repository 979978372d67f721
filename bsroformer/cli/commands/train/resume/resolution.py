"""Resume a training: its configuration, folder and last good checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from rich.console import Console

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.resume.run_config import changed, completed, replaced_keys, run_config
from bsroformer.cli.commands.train.wandb_mode import logs_to_wandb, wandb_run
from bsroformer.cli.dotted_keys import at, put
from bsroformer.cli.resolved_config import AUTO, CONFIG_FILE
from bsroformer.cli.torchrun import by_torchrun
from bsroformer.cli.validation import prepared
from bsroformer.errors import InputError
from bsroformer.run_folder import CHECKPOINTS, LAST, PREVIOUS, RunFolder, is_folder
from bsroformer.training.resume.checkpoint_io import last_good_checkpoint
from bsroformer.training.resume.slurm import started_again

RUNS_DIR = "paths.runs_dir"
"""Folder of the page of all runs: that of the user who resumes, never the one that a run's configuration names."""


def resolve_resume(cfg: TrainConfig, console: Console) -> TrainConfig:
    """Return the configuration of the run that ``resume`` names, with overrides.

    Without ``resume`` it is `cfg`.

    Its ``ckpt_path`` is the last good checkpoint, and ``paths.output_dir`` the run's folder.

    Args:
        cfg: The configuration of the configs and the command line.
        console: Where skipped checkpoints are reported.

    Raises:
        InputError: If the run does not exist, or a new run would start in the folder of another.
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
            f"resume={cfg.resume}: {folder} holds no checkpoint to resume from; "
            "give the folder of a run, such as runs/train/<time>, or start a new run without resume"
        )
    resumed = run_config(folder, replaced_keys(cfg, command_line()))
    added = completed(resumed, cfg.tree)
    if added:
        console.print(
            f"{folder / CONFIG_FILE} is of an older version and lacks keys; using today's values: {', '.join(added)}",
            style="yellow",
        )
    resumed = changed(resumed, cfg, command_line())
    put(resumed, "ckpt_path", str(checkpoint))
    put(resumed, RUNS_DIR, at(cfg.tree, RUNS_DIR))
    try:
        merged = prepared(TrainConfig.checked(resumed))
    except InputError as error:
        raise InputError(f"{folder / CONFIG_FILE}: {error}") from error
    logged_run = wandb_run(folder) if logs_to_wandb(merged.logger) else None
    if logged_run:
        merged = merged.replaced({"logger.id": logged_run, "logger.resume": "allow"})
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
            f"resume={cfg.resume} is not among the checkpoints of a run's folder; ckpt_path={cfg.resume} resumes from "
            "it with the configuration of the command line"
        )
    if is_file and named.name != LAST:
        return named, 0
    return _last_good(folder, console)


def _last_good(folder: Path, console: Console) -> tuple[Path | None, int]:
    checkpoint, skipped = last_good_checkpoint(RunFolder(folder).checkpoints)
    for sentence in skipped:
        console.print(f"{sentence}; trying the checkpoint before.", style="yellow")
    return checkpoint, len(skipped)


def with_checkpoint_file(cfg: TrainConfig, console: Console) -> TrainConfig:
    """Replace a run's folder in ``ckpt_path`` by its last good checkpoint.

    Raises:
        InputError: If the folder has none.
    """
    if cfg.ckpt_path is None or not is_folder(cfg.ckpt_path):
        return cfg
    checkpoint, _ = _last_good(RunFolder.of(cfg.ckpt_path).path, console)
    if checkpoint is None:
        raise InputError(
            f"ckpt_path={cfg.ckpt_path} is a folder without {CHECKPOINTS}/{LAST}; give a checkpoint of a training, or "
            "the folder of one"
        )
    return cfg.replaced({"ckpt_path": str(checkpoint)})


def run_to_resume(cfg: TrainConfig) -> Path:
    """Return the folder of the run to resume; a job of a sweep has its own.

    Raises:
        InputError: If the command line names two.
    """
    if cfg.ckpt_path:
        raise InputError(f"resume={cfg.resume} finds its checkpoint itself; remove ckpt_path={cfg.ckpt_path}")
    folder = cfg.paths.output_dir
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if cfg.resume == AUTO and not in_sweep and not names_folder(command_line()):
        raise InputError("resume=auto needs the folder of a run, whose default name is the time; give paths.output_dir")
    if cfg.resume != AUTO and not in_sweep and RunFolder.of(Path(str(cfg.resume))).path != folder:
        raise InputError(
            f"resume={cfg.resume} resumes in that folder, and paths.output_dir={folder} names another; remove it"
        )
    return folder


def refuse_folder_in_use(cfg: TrainConfig) -> None:
    """Refuse a folder that holds a run, whose checkpoints would be replaced.

    Raises:
        InputError: If the folder holds checkpoints of another run.
    """
    folder = cfg.paths.output_dir
    files = RunFolder(folder).checkpoint_files()
    is_resumed = cfg.ckpt_path and cfg.ckpt_path.resolve().parent == (folder / CHECKPOINTS).resolve()
    if not files or is_resumed:
        return
    if any(path.name in (LAST, PREVIOUS) for path in files):
        raise InputError(
            f"paths.output_dir={folder} holds a training already; resume={folder} resumes it, or start a new one in "
            "another folder"
        )
    raise InputError(
        f"paths.output_dir={folder} holds {files[0].name} of a training, but no checkpoint to resume from; give "
        f"another folder, with init_from={folder} to start from its weights"
    )


def command_line() -> list[str]:
    """Return the overrides of the command line, or of this job of a sweep."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def names_folder(overrides: Sequence[str]) -> bool:
    """Return whether the run's folder is fixed, not named after the time.

    The command line or torchrun fixes it, or Hydra is not used.
    """
    if not HydraConfig.initialized() or by_torchrun():
        return True
    return any(each.startswith("paths.output_dir=") for each in overrides)
