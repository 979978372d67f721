"""Result of a training: best checkpoint, evaluation, next commands."""

from lightning.pytorch.callbacks import ModelCheckpoint

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.save import save_adapter
from bsroformer.cli.commands.train.best_weights import Scored, best_of_run, check_averaging, report_no_best
from bsroformer.cli.commands.train.run_facts import record_best
from bsroformer.cli.commands.train.run_messages import log_and_print, report_end, report_next_commands
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.errors import InputError
from bsroformer.report.monitor import Monitor
from bsroformer.run_folder import RunFolder


def check_end(run: TrainingRun) -> None:
    """Check that the result can be averaged and evaluated.

    Raises:
        InputError: If it is requested and cannot be done.
    """
    check_averaging(run.cfg, run.trainer)
    if not run.cfg.evaluate:
        return
    if not isinstance(run.trainer.checkpoint_callback, ModelCheckpoint):
        raise InputError("evaluate=true needs a checkpoint, but this run saves none; set evaluate=false")
    if not run.data.test:
        raise InputError("evaluate=true needs songs in test/, but the data set has none; set evaluate=false")


def finish(run: TrainingRun) -> Scored:
    """Find the best checkpoint, evaluate it if asked, and print next commands."""
    last = RunFolder(run.folder).last
    monitor = Monitor(run.cfg.monitor)
    best = best_of_run(run.trainer, run.module, run.data, monitor, run.console)
    report_no_best(best, monitor, last, run.console)
    if run.writes:
        checkpoint = best.path or str(last)
        record_best(run.folder, checkpoint)
        report_end(run.cfg, run.trainer, best, run.console)
        if run.cfg.adaptation is not None:
            write_adapter(run, checkpoint)
        if run.cfg.evaluate:
            evaluate(run, checkpoint)
        report_next_commands(run.cfg, run.trainer, best, run.console)
    return best


def write_adapter(run: TrainingRun, checkpoint: str) -> None:
    """Write the trained weights alone, without a trainer's state and frozen weights."""
    path = RunFolder(run.folder).adapter
    try:
        opened = open_checkpoint(checkpoint)
        assert isinstance(opened, AdapterCheckpoint)
        save_adapter(opened, path)
    except InputError as error:  # the training has its other results
        run.console.print(f"No adapter was written: {error}", style="yellow")
        return
    size = path.stat().st_size / 1e6
    log_and_print(run.console, f"Trained weights alone: {path} ({size:.1f} MB), of {run.cfg.init_from}")


def evaluate(run: TrainingRun, checkpoint: str) -> None:
    """Score the test songs."""
    from bsroformer.cli.commands.train.closing_evaluation import (
        evaluate_run,  # not every training needs evaluation and plots
    )
    from bsroformer.cli.commands.train.logged_scores import log_scores

    stems = run.data.source.form.stems
    results = evaluate_run(run.folder, run.data.test, stems, checkpoint, run.console)
    log_scores(run.trainer, results)
