"""Train a model: ``scripts/train.py``."""

import logging
import math
import warnings
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig
from rich.console import Console

from bsroformer.checkpoints import load_model
from bsroformer.checkpoints.native import read_training_checkpoint
from bsroformer.checkpoints.start import start_from
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.tracks import Track
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.inference import Separator
from bsroformer.launch.build import build_data, build_module, build_trainer
from bsroformer.launch.config import plain, prepared, save_config
from bsroformer.launch.errors import user_errors
from bsroformer.launch.memory import memory_advice
from bsroformer.launch.reading import tell_reading
from bsroformer.launch.scoring import Scoring
from bsroformer.launch.separators import opened_checkpoint
from bsroformer.launch.terminal import terminal
from bsroformer.launch.wandb_mode import finish_wandb, logs_to_wandb, use_wandb_offline_without_key
from bsroformer.model import BandSplitRoformer
from bsroformer.training import SeparationModule


@user_errors
def train(cfg: DictConfig) -> float:
    """Train, validate, keep checkpoints, and score the test songs if asked.

    Args:
        cfg: ``configs/train.yaml``, composed.

    Returns:
        The best validation SI-SDR in dB, for sweeps; NaN if nothing was validated.
    """
    cfg = prepared(cfg)
    console, folder = terminal(), Path(cfg.paths.output_dir)
    L.seed_everything(cfg.seed, workers=True, verbose=False)
    keep_freed_memory()
    quieten_lightning()
    data, module = build_data(cfg), build_module(cfg)
    if cfg.init_from:
        _start(cfg, module.model, console)
    data.prepare_data()
    data.setup("fit")
    offline = logs_to_wandb(cfg) and use_wandb_offline_without_key()
    trainer = build_trainer(cfg)
    console.quiet = not trainer.is_global_zero
    if cfg.evaluate:
        _check_evaluation(trainer, data)
    if trainer.is_global_zero:
        save_config(cfg, folder)
        _log_config(cfg, trainer)
        _announce(cfg, module, data, console)
    resumed = _checkpoint_to_resume(cfg, console)
    try:
        with memory_advice(cfg):
            trainer.fit(module, data, ckpt_path=resumed)
    finally:
        finish_wandb()  # or the next run of a sweep would go on in this one
    if not trainer.is_global_zero:
        return best_score(trainer)
    if offline:
        console.print(f"To see this run in Weights & Biases: wandb sync {folder}/wandb/latest-run")
    if cfg.evaluate:
        _evaluate(cfg, data.test, best_checkpoint(trainer), console)
    return best_score(trainer)


def quieten_lightning() -> None:
    """Leave out Lightning's tips and remarks, and its warning that PyTorch renamed what Lightning still uses."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec")


def best_score(trainer: L.Trainer) -> float:
    """The best checkpoint's validation SI-SDR, else the last one measured, else NaN."""
    callback = trainer.checkpoint_callback
    best = getattr(callback, "best_model_score", None)
    score = best if best is not None else trainer.callback_metrics.get("val/si_sdr")
    return math.nan if score is None else float(score)


def best_checkpoint(trainer: L.Trainer) -> str:
    """The path of the best checkpoint."""
    assert isinstance(trainer.checkpoint_callback, ModelCheckpoint)
    return trainer.checkpoint_callback.best_model_path


def _check_evaluation(trainer: L.Trainer, data: StemsDataModule) -> None:
    """Find out before the training whether its result can be evaluated."""
    if not isinstance(trainer.checkpoint_callback, ModelCheckpoint):
        raise InputError("evaluate=true needs a checkpoint, and this run keeps none: set evaluate=false")
    if not data.test:
        raise InputError("evaluate=true needs songs in test/, and the data set has none: set evaluate=false")


def _log_config(cfg: DictConfig, trainer: L.Trainer) -> None:
    """Put the resolved configuration beside the curves; it holds no secrets."""
    if trainer.logger:
        trainer.logger.log_hyperparams(plain(cfg))


def _announce(cfg: DictConfig, module: SeparationModule, data: StemsDataModule, console: Console) -> None:
    """Say what is trained on what, and where it goes."""
    songs = data.songs
    parameters = sum(parameter.numel() for parameter in module.parameters())
    if len(module.model.stems) < len(cfg.data.stems):
        others = [stem for stem in cfg.data.stems if stem not in module.model.stems]
        console.print(
            f"The model separates {', '.join(module.model.stems)}; {', '.join(others)} sound in mixtures only"
        )
    console.print(f"{len(songs.train)} songs to train on, {len(songs.valid)} to validate, {len(data.test)} to test")
    tell_reading(cfg, data, console)
    console.print(f"{parameters / 1e6:.1f} M parameters; run folder {cfg.paths.output_dir}")


def _start(cfg: DictConfig, model: BandSplitRoformer, console: Console) -> None:
    """Begin from another model's weights, and say what was taken."""
    source = opened_checkpoint(cfg.init_from, cfg.init_config, cfg.init_sha256, console).model()
    start = start_from(model, source, cfg.init_from)
    console.print(f"From {cfg.init_from}: {start}")
    if start.fresh:
        console.print(f"It separates {', '.join(source.stems)}, and this run {', '.join(model.stems)}.")
    for change in start.changed:
        console.print(f"The same weights compute something else here: {change}.", style="yellow")


def _checkpoint_to_resume(cfg: DictConfig, console: Console) -> str | None:
    """The checkpoint to go on from, with a word on what the configuration does not change any more."""
    if not cfg.ckpt_path:
        return None
    checkpoint = read_training_checkpoint(cfg.ckpt_path)
    rates = [group.get("initial_lr") for group in checkpoint["optimizer_states"][0]["param_groups"]]
    if "lr" in cfg.optimizer and cfg.optimizer.lr not in rates:
        console.print(
            f"The learning rate stays at {rates[0]:g}, the checkpoint's, not the {cfg.optimizer.lr:g} of the "
            "configuration: use init_from to start anew from its weights.",
            style="yellow",
        )
    if Path(cfg.ckpt_path).resolve().parent != (Path(cfg.paths.output_dir) / "checkpoints").resolve():
        run = Path(cfg.ckpt_path).parent.parent
        console.print(f"This run goes to a new folder; paths.output_dir={run} goes on in the old one.", style="yellow")
    return cfg.ckpt_path


def _evaluate(cfg: DictConfig, tracks: list[Track], checkpoint: str, console: Console) -> None:
    """Separate and score the test songs, into the run folder."""
    folder = Path(cfg.paths.output_dir)
    separator = Separator(load_model(checkpoint))
    Scoring(folder, "scores", stems_folder=folder / "separated").run(separator, tracks, console)
    console.print(f"Checkpoint, scores, pictures and stems are in {folder}")
