"""Checks of the checkpoint to resume from."""

from typing import Any

import lightning as L
from rich.console import Console

from bsroformer.checkpoints.native import ENTRY, read_training_checkpoint
from bsroformer.cli.commands.train.adaptation import refuse_another_adaptation
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.run_folder import CHECKPOINTS
from bsroformer.training import SeparationModule
from bsroformer.training.resume.state_check import check_training_state


def announce_resume(
    cfg: TrainConfig, trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, console: Console
) -> str | None:
    """Check the checkpoint to resume from, and print where the run continues.

    Raises:
        InputError: If it is of another model, not of a training, or trained for longer than configured.
    """
    path = cfg.ckpt_path
    if path is None:
        return None
    checkpoint = read_training_checkpoint(path)
    refuse_another_model(cfg, checkpoint[ENTRY]["model"])
    refuse_another_adaptation(module.model, checkpoint[ENTRY], path)
    check_training_state(checkpoint, path, trainer, module, data)
    refuse_shorter_run(cfg, _completed_epochs(checkpoint))
    folder = cfg.paths.output_dir
    if path.resolve().parent != (folder / CHECKPOINTS).resolve():
        console.print(f"This run has a new folder; resume={path.parent.parent} resumes in the old one.", style="yellow")
    console.print(f"Resuming from step {checkpoint['global_step']:,}, from {path}")
    overrides = extending_overrides(cfg, checkpoint)
    if overrides:
        console.print(f"The run has finished all its steps; {overrides} extends it", style="yellow")
    return str(path)


def _completed_epochs(checkpoint: dict[str, Any]) -> int:
    return int(checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"])


def extending_overrides(cfg: TrainConfig, checkpoint: dict[str, Any]) -> str:
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
    epochs = _completed_epochs(checkpoint)
    if cfg.trainer.max_epochs is not None and 0 <= cfg.trainer.max_epochs <= epochs:
        return f"trainer.max_epochs={2 * epochs}"
    return ""


def refuse_shorter_run(cfg: TrainConfig, epochs: int) -> None:
    """Check that a run was not trained for more epochs than configured.

    Raises:
        InputError: If it was.
    """
    if cfg.trainer.max_epochs is not None and -1 < cfg.trainer.max_epochs < epochs:
        raise InputError(
            f"trainer.max_epochs={cfg.trainer.max_epochs} is less than the {epochs} epochs that {cfg.ckpt_path} "
            "was trained for; raise it to resume"
        )


def refuse_another_model(cfg: TrainConfig, kept: dict[str, Any]) -> None:
    """Check that the checkpoint is of the configured model.

    Raises:
        InputError: Naming the first key that differs.
    """
    ours = cfg.settings.leaves()
    theirs = ModelSettings.from_dict(kept).leaves()
    for key in ours | theirs:
        value = ours.get(key)
        if value != theirs.get(key):
            raise InputError(
                f"model.{key} is {value}, and {theirs.get(key)} in {cfg.ckpt_path}; a run resumes with its own model, "
                "so start another from its weights with init_from"
            )
