"""Train a model: ``bsroformer train``."""

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from bsroformer.cli.commands.train.adaptation import start_and_adapt, with_model_of_init
from bsroformer.cli.commands.train.build import build_data, build_module, build_trainer
from bsroformer.cli.commands.train.compilation import compile_as_configured
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.fit import fit, quieten_lightning
from bsroformer.cli.commands.train.resume.checkpoint_check import announce_resume
from bsroformer.cli.commands.train.resume.resolution import resolve_resume
from bsroformer.cli.commands.train.run_messages import show_progress_on
from bsroformer.cli.commands.train.run_summary import list_songs, print_summary
from bsroformer.cli.commands.train.shared_monitor import with_monitor
from bsroformer.cli.commands.train.training_folder import exclusive_folder, recorded_run
from bsroformer.cli.commands.train.training_ledger import record_ledger
from bsroformer.cli.commands.train.training_result import check_end, finish
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.commands.train.wandb_mode import logs_to_wandb, use_wandb_offline_without_key
from bsroformer.cli.console import terminal
from bsroformer.devices import keep_freed_memory


def train(cfg: TrainConfig) -> float:
    """Train, validate, and score the test songs if ``evaluate=true``.

    Returns:
        The best score in validation, by ``monitor``, for sweeps; NaN without a score.
    """
    console = terminal()
    console.quiet = getattr(rank_zero_only, "rank", 0) > 0  # until the trainer has its rank
    cfg = with_monitor(with_model_of_init(resolve_resume(cfg, console), console))
    L.seed_everything(cfg.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision(cfg.float32_matmul_precision)
    keep_freed_memory()
    quieten_lightning()

    data = build_data(cfg)
    module = build_module(cfg)
    base = start_and_adapt(cfg, module.model, console)
    list_songs(cfg, data, console)
    offline = logs_to_wandb(cfg.logger) and use_wandb_offline_without_key()
    run = TrainingRun(cfg, build_trainer(cfg), module, data, console)
    compile_as_configured(module.model, cfg.compile, run.trainer.strategy.root_device)
    console.quiet = not run.is_first_process
    show_progress_on(run.trainer, console)
    check_end(run)
    print_summary(run)

    with exclusive_folder(run):
        checkpoint = announce_resume(cfg, run.trainer, module, data, console)
        record_ledger(run, base, checkpoint)
        with recorded_run(run, checkpoint):
            fit(run, checkpoint)
            best = finish(run)
    if offline and run.is_first_process:
        console.print(f"To see this run in Weights & Biases: wandb sync {run.folder}/wandb/latest-run")
    return best.score
