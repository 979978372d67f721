"""Train a model: ``bsroformer train``."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig
from rich.console import Console

from bsroformer.checkpoints.start import start_from
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.loader import ReadingError, dead_worker, is_of_dead_worker
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.launch.best import Scored, best_of_run, check_averaging, report_no_best
from bsroformer.launch.build import build_data, build_module, build_trainer, set_float32_matmul_precision
from bsroformer.launch.closing_evaluation import evaluate_run
from bsroformer.launch.config import AUTO, prepared, save_config, switch, whole
from bsroformer.launch.errors import user_errors
from bsroformer.launch.logged_scores import log_scores
from bsroformer.launch.memory import memory_advice
from bsroformer.launch.monitoring import with_monitor
from bsroformer.launch.older_runs import completed
from bsroformer.launch.reading import tell_reading
from bsroformer.launch.resuming import refuse_folder_in_use, told_of_resuming, with_run_to_resume
from bsroformer.launch.run_end import end_recorded
from bsroformer.launch.run_facts import check_tags, record_best, record_run
from bsroformer.launch.run_folder import make_folder, open_run_folder
from bsroformer.launch.run_lines import log_and_print, report_end, report_next_commands, show_progress_on
from bsroformer.launch.run_lock import only_training_in
from bsroformer.launch.separators import opened_checkpoint
from bsroformer.launch.sweep_job import sweep_job
from bsroformer.launch.terminal import terminal, warnings_told
from bsroformer.launch.wandb_mode import finish_wandb, logs_to_wandb, use_wandb_offline_without_key
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import RecomputesBlocks
from bsroformer.report.monitor import Monitor
from bsroformer.run_folder import RunFolder
from bsroformer.training import SeparationModule
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO
from bsroformer.training.resume.stop_signals import StoppedError

REMARKS = (
    ".*LeafSpec",
    ".*smaller than the logging interval",
    "Checkpoint directory .* exists and is not empty",
    "Be aware that when using `ckpt_path`",
)
"""Of Lightning, by their beginnings; what matters in them is told by this program."""


@user_errors
@sweep_job
def train(cfg: DictConfig) -> float:
    """Train, validate, keep checkpoints, and score the test songs if asked.

    Args:
        cfg: ``configs/train.yaml``, composed.

    Returns:
        The best score in validation, by ``monitor``, for sweeps; NaN if there is none.
    """
    console = terminal()
    console.quiet = getattr(rank_zero_only, "rank", 0) > 0  # until the trainer knows better
    cfg = with_monitor(completed(with_run_to_resume(prepared(cfg), console)))
    folder = Path(cfg.paths.output_dir)
    if whole(cfg, "seed") < 0:
        raise InputError(f"seed={cfg.seed} must be 0 or more")
    L.seed_everything(cfg.seed, workers=True, verbose=False)
    keep_freed_memory()
    set_float32_matmul_precision(cfg)
    check_tags(cfg)
    quieten_lightning()
    data, module = build_data(cfg), build_module(cfg)
    if cfg.init_from and not cfg.ckpt_path:
        _start(cfg, module.model, console)
    console.print(f"Reading the list of songs{f' in {cfg.data.root}' if cfg.data.get('root') else ''}")
    data.prepare_data()
    data.setup("fit")
    offline = logs_to_wandb(cfg) and use_wandb_offline_without_key()
    trainer = build_trainer(cfg)
    console.quiet = not trainer.is_global_zero
    show_progress_on(trainer, console)
    if switch(cfg, "evaluate"):
        _check_evaluation(trainer, data)
    check_averaging(cfg, trainer)
    _announce(cfg, module, data, console)
    model = module.model
    automatic = cfg.activation_checkpointing == AUTO and cfg.trainer.accelerator != "cpu"
    if automatic and isinstance(model, RecomputesBlocks):
        blocks = f"{model.recomputed_blocks} of {len(model.recomputable_blocks)} blocks"
        console.print(f"activation_checkpointing=auto recomputes {blocks} in the backward pass")
    if trainer.world_size > 1:
        excerpts = cfg.data.batch_size * trainer.accumulate_grad_batches * trainer.world_size
        console.print(f"{trainer.world_size} processes; a step of the optimiser has {excerpts} excerpts")
    writes = trainer.is_global_zero and not keeps_nothing(cfg)
    if writes:
        make_folder(folder)
    with only_training_in(folder, console) if writes else nullcontext():
        best = _run(cfg, trainer, module, data, console)
    if offline and trainer.is_global_zero:
        console.print(f"To see this run in Weights & Biases: wandb sync {folder}/wandb/latest-run")
    return best.score


def _run(
    cfg: DictConfig, trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, console: Console
) -> Scored:
    """Train in a folder that no other training uses, and evaluate what came out if asked."""
    folder, monitor = Path(cfg.paths.output_dir), Monitor(cfg.monitor)
    if trainer.is_global_zero:
        refuse_folder_in_use(cfg)  # by a training that ended since this one looked first
    resumed = told_of_resuming(cfg, trainer, module, data, console)
    with _run_folder(cfg, trainer, module.model, resumed, console):
        _fit(cfg, trainer, module, data, resumed, console)
        best, last = best_of_run(trainer, module, data, monitor, console), RunFolder(folder).last
        report_no_best(best, monitor, last, console)
        if trainer.is_global_zero and not keeps_nothing(cfg):
            record_best(folder, best.path or str(last))
            report_end(cfg, trainer, best, console)
            if cfg.evaluate:
                log_scores(trainer, evaluate_run(cfg, data.test, best.path or str(last), console))
            report_next_commands(cfg, trainer, best, console)
    return best


@contextmanager
def _run_folder(
    cfg: DictConfig, trainer: L.Trainer, model: SeparationModel, resumed: str | None, console: Console
) -> Iterator[None]:
    """Make the run's folder and record what is trained there; a ``fast_dev_run`` keeps nothing."""
    folder = Path(cfg.paths.output_dir)
    with ExitStack() as stack:
        stack.callback(finish_wandb)  # or the next run of a sweep would continue in this one
        if trainer.is_global_zero and not keeps_nothing(cfg):
            stack.enter_context(open_run_folder(folder))
            save_config(cfg, folder)
            with warnings_told(console):
                record_run(cfg, trainer, model, resumed)
            stack.enter_context(end_recorded(cfg, trainer))
        yield


def keeps_nothing(cfg: DictConfig) -> bool:
    """Whether the run is a rehearsal of a few batches, of which no file remains."""
    return bool(cfg.trainer.get("fast_dev_run"))


def _fit(
    cfg: DictConfig,
    trainer: L.Trainer,
    module: SeparationModule,
    data: StemsDataModule,
    checkpoint: str | None,
    console: Console,
) -> None:
    """Train; end in order if asked to.

    Raises:
        InputError: If a song could not be read, or the last checkpoint could not be written.
    """
    folder = trainer.default_root_dir
    try:
        with warnings_told(console), memory_advice(cfg):
            trainer.fit(module, data, ckpt_path=checkpoint)
    except StoppedError as stopped:
        where = f"Stopped after step {trainer.global_step:,}" if stopped.saved else "Stopped at once"
        there = RunFolder(folder).last.exists()
        then = f"resume={folder} goes on from its last checkpoint." if there else "no checkpoint was written yet."
        log_and_print(console, f"{where}; {then}")
        sys.exit(stopped.status)
    except ReadingError as error:
        raise InputError(f"{error}{_how_to_resume(Path(folder))}") from error
    except RuntimeError as error:
        if not is_of_dead_worker(error):
            raise
        raise InputError(f"{dead_worker(error)}{_how_to_resume(Path(folder))}") from error
    checkpoints = trainer.strategy.checkpoint_io
    if isinstance(checkpoints, CarefulCheckpointIO) and checkpoints.failed:
        failed = " ".join(checkpoints.failed.values())
        raise InputError(f"{failed} When there is room, resume={folder} goes on from the checkpoint before.")


def _how_to_resume(folder: Path) -> str:
    """The end of a sentence on a fault, if there is a checkpoint to resume from."""
    there = RunFolder(folder).last.exists()
    return f". Then resume={folder} continues from its last checkpoint" if there else ""


def quieten_lightning() -> None:
    """Leave out Lightning's tips and remarks: PyTorch renamed what it uses, and epochs may be short."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for remark in REMARKS:
        warnings.filterwarnings("ignore", message=remark)


def _check_evaluation(trainer: L.Trainer, data: StemsDataModule) -> None:
    """Find out before the training whether its result can be evaluated."""
    if not isinstance(trainer.checkpoint_callback, ModelCheckpoint):
        raise InputError("evaluate=true needs a checkpoint, and this run keeps none: set evaluate=false")
    if not data.test:
        raise InputError("evaluate=true needs songs in test/, and the data set has none: set evaluate=false")


def _announce(cfg: DictConfig, module: SeparationModule, data: StemsDataModule, console: Console) -> None:
    """Say what is trained on what, and where it goes."""
    songs = data.tracks
    parameters = sum(parameter.numel() for parameter in module.parameters())
    if len(module.model.stems) < len(cfg.data.stems):
        others = [stem for stem in cfg.data.stems if stem not in module.model.stems]
        console.print(
            f"The model separates {', '.join(module.model.stems)}; {', '.join(others)} sound in mixtures only"
        )
    console.print(
        f"{len(songs.train)} songs to train on, {len(songs.valid)} to validate, {len(data.test_files)} to test"
    )
    tell_reading(cfg, data, console)
    place = "nothing is kept (fast_dev_run)" if keeps_nothing(cfg) else f"run folder {cfg.paths.output_dir}"
    console.print(f"{parameters / 1e6:.1f} M parameters; {place}")


def _start(cfg: DictConfig, model: SeparationModel, console: Console) -> None:
    """Begin from another model's weights, and say what was taken."""
    source = opened_checkpoint(cfg.init_from, cfg.init_config, cfg.init_sha256, console).model()
    start = start_from(model, source, cfg.init_from)
    console.print(f"From {cfg.init_from}: {start}")
    if start.fresh:
        console.print(f"It separates {', '.join(source.stems)}, and this run {', '.join(model.stems)}.")
    for change in start.changed:
        console.print(f"The same weights compute something else here: {change}.", style="yellow")
