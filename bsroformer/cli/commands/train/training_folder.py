"""The folder of a training: its lock and its records."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bsroformer.cli.commands.train.resume.resolution import refuse_folder_in_use
from bsroformer.cli.commands.train.run_facts import record_run
from bsroformer.cli.commands.train.run_lock import only_training_in
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.commands.train.wandb_mode import finish_wandb
from bsroformer.cli.console import warnings_reported
from bsroformer.cli.output_folder import make_folder, open_run_folder
from bsroformer.cli.resolved_config import save_config


@contextmanager
def exclusive_folder(run: TrainingRun) -> Iterator[None]:
    """Keep other trainings out of the run's folder.

    Raises:
        InputError: If another is running there, or has ended there since the first check.
    """
    with ExitStack() as stack:
        if run.writes:
            make_folder(run.folder)
            stack.enter_context(only_training_in(run.folder, run.console))
        if run.is_first_process:
            refuse_folder_in_use(run.cfg)
        yield


@contextmanager
def recorded_run(run: TrainingRun, checkpoint: str | None) -> Iterator[None]:
    """Record the training in the run's folder, and log there.

    Args:
        run: The training.
        checkpoint: The checkpoint to resume from.
    """
    from bsroformer.cli.commands.train.run_end import end_recorded  # which loads reports

    with ExitStack() as stack:
        stack.callback(finish_wandb)  # otherwise the next run of a sweep would log to this one
        if run.writes:
            stack.enter_context(open_run_folder(run.folder))
            save_config(run.cfg.tree, run.folder)
            with warnings_reported(run.console):
                record_run(run.cfg, run.trainer, run.module.model, checkpoint)
            stack.enter_context(end_recorded(run.cfg, run.trainer))
        yield
