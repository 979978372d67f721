"""Messages after the steps of a training, and commands to run next."""

import lightning as L
from hydra.core.hydra_config import HydraConfig
from rich.console import Console

from bsroformer.cli.commands.train.best_weights import Scored
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.run_summary import data_arguments
from bsroformer.cli.commands.train.sweep.sweep_job import job_folder
from bsroformer.invocation import command_line
from bsroformer.report.monitor import Monitor
from bsroformer.run_folder import TRAIN_LOG, RunFolder
from bsroformer.training.callbacks.progress import progress_of
from bsroformer.training.run_clock import out_of_time, time_key


def log_and_print(console: Console, text: str) -> None:
    """Print a line and log it to ``train.log``; a quiet console does neither."""
    console.print(text)
    if not console.quiet:
        TRAIN_LOG.info("%s", text)


def show_progress_on(trainer: L.Trainer, console: Console) -> None:
    """Print the training's progress on this console; in a sweep name the job."""
    progress = progress_of(trainer)
    if progress is None:
        return
    progress.console = console
    job = job_folder()
    if job is not None:
        progress.prefix = f"job {job.name}: "


def report_end(cfg: TrainConfig, trainer: L.Trainer, best: Scored, console: Console) -> None:
    """Print the end of a training: last step, best score and checkpoint, report."""
    report = RunFolder(cfg.paths.output_dir).report
    log_and_print(console, end_reason(cfg, trainer))
    if best.path:
        log_and_print(console, f"Best score {score_and_step(cfg, trainer, best)}: {best.path}")
    if report.is_file():
        log_and_print(console, f"Report: {report}")


def report_next_commands(cfg: TrainConfig, trainer: L.Trainer, best: Scored, console: Console) -> None:
    """Print the commands that use the result.

    A sweep prints none: it ends with a table of its jobs.
    """
    if job_folder() is not None:
        return
    for purpose, command in next_commands(cfg, trainer, best).items():
        log_and_print(console, f"{purpose}: {command}")


def end_reason(cfg: TrainConfig, trainer: L.Trainer) -> str:
    """Describe whether the run reached its end, or what stopped it."""
    steps = trainer.global_step
    total = int(trainer.estimated_stepping_batches)
    trained = out_of_time(trainer)
    if trained is not None:
        return (
            f"trainer.max_time={cfg.trainer.max_time} ended the run after {trained} of training, at step {steps:,} of "
            f"{total:,}; its learning rate has not reached the schedule's end"
        )
    return f"The run ended at step {steps:,} of {total:,}"


def score_and_step(cfg: TrainConfig, trainer: L.Trainer, best: Scored) -> str:
    """Format the best score, with its step if the checkpoint is of a step."""
    text = Monitor(cfg.monitor).text(best.score)
    progress = progress_of(trainer)
    step = progress.best_step if progress else None
    is_of_step = best.path == getattr(trainer.checkpoint_callback, "best_model_path", "")
    return f"{text} at step {step:,}" if step and is_of_step else text


def next_commands(cfg: TrainConfig, trainer: L.Trainer, best: Scored) -> dict[str, str]:
    """Return the commands to run next, by purpose."""
    folder = cfg.paths.output_dir
    commands = {}
    if best.path:
        commands["Separate"] = command_line("separate", f"ckpt={folder}", "input=song.mp3")
        evaluate = command_line("evaluate", f"ckpt={folder}")
        commands["Evaluate"] = f"{evaluate} {data_overrides(cfg)}"
    if RunFolder(folder).last.is_file():
        resume = command_line("train", f"resume={folder}")
        commands["Train longer"] = f"{resume} {extending_overrides(cfg, trainer)}"
    return commands


def data_overrides(cfg: TrainConfig) -> str:
    """Return the overrides that name the data set; placeholders if resumed.

    The command line of a resumed run does not have them.
    """
    if cfg.ckpt_path or not HydraConfig.initialized():
        return "data=<name> data.root=<folder>"
    return data_arguments(cfg)


def extending_overrides(cfg: TrainConfig, trainer: L.Trainer) -> str:
    """Return the overrides that extend a run, by the limit that ended it."""
    trained = out_of_time(trainer)
    if trained is not None:
        return f"trainer.max_time={time_key(2 * trained)}"
    steps = trainer.max_steps
    epochs = trainer.max_epochs
    has_epochs = epochs is not None and epochs > 0
    is_limited_by_steps = trainer.global_step >= steps or not has_epochs
    if steps >= 0 and is_limited_by_steps:
        budget = (cfg.callbacks or {}).get("budget")
        removed = "'~callbacks.budget' " if budget and not budget.arguments.get("shorten") else ""
        return f"{removed}trainer.max_steps={2 * steps}"
    return f"trainer.max_epochs={2 * (epochs or 1)}"
