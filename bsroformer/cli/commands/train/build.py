"""Build the objects of a training from its configuration."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.errors import InstantiationException
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback
from lightning.pytorch.loggers import Logger, WandbLogger
from rich.console import Console

from bsroformer.checkpoints.warm_start import WarmStart
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.wandb_mode import logs_to_wandb
from bsroformer.cli.instantiation import pack_folder
from bsroformer.cli.resolved_config import AUTO
from bsroformer.cli.schemas.components import Component
from bsroformer.cli.torchrun import check_processes
from bsroformer.data.batch_schedule import Batches
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.devices import best_device, computes_bf16
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.models import SeparationModel, registry
from bsroformer.models.abilities import set_recomputed_blocks
from bsroformer.models.empty_model import count_recomputable_blocks
from bsroformer.report.monitor import monitor_of
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.early_stopping import EarlyStop
from bsroformer.training.learning_rates import RatesByPart
from bsroformer.training.optimizer import MakesOptimizer
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO


def build_model(cfg: TrainConfig) -> SeparationModel:
    """Build the model that ``model`` describes, with random weights."""
    model = registry.build_model(cfg.settings)
    set_recomputed_blocks(model, recomputed_blocks(cfg))
    return model


def block_count(cfg: TrainConfig) -> int:
    """Count the blocks that the model can recompute; 0 if it has none."""
    return count_recomputable_blocks(cfg.settings)


def recomputed_blocks(cfg: TrainConfig) -> int:
    """Return the number of blocks that ``activation_checkpointing`` recomputes.

    ``auto`` recomputes as many as the memory needs, true all, false none, a number so many of the first.

    Raises:
        InputError: If the value is invalid for the model.
    """
    from bsroformer.cli.commands.train.memory import fewest_blocks  # which imports this module

    requested = cfg.activation_checkpointing
    if requested == AUTO:
        return fewest_blocks(cfg)
    depth = block_count(cfg)
    if not depth and requested is True:
        raise InputError(
            f"activation_checkpointing=true cannot be used with architecture {cfg.model.get('architecture')}, which "
            "has no blocks to recompute; use activation_checkpointing=false"
        )
    if isinstance(requested, bool):
        return depth if requested else 0
    if isinstance(requested, int) and requested <= depth:
        return requested
    raise InputError(
        f"activation_checkpointing={requested} must be auto, true, false, or a number of blocks from 0 to {depth} "
        "(those of the model)"
    )


def build_module(cfg: TrainConfig) -> SeparationModule:
    """Build the module that trains the model.

    Raises:
        InputError: If the model is for other audio than ``audio`` says.
    """
    for key in ("sample_rate", "channels"):
        needed = getattr(cfg.settings, key)
        given = getattr(cfg.audio, key)
        if needed != given:
            raise InputError(f"model.{key} is {needed} and audio.{key} {given}; set audio.{key}={needed}")
    model = build_model(cfg)
    loss = cfg.loss.build()
    optimizer = build_optimizer(cfg)
    schedule = cfg.scheduler.build()
    return SeparationModule(model, loss, optimizer, schedule, cfg.data.stems, monitor_of(cfg.tree).name)


def build_optimizer(cfg: TrainConfig) -> MakesOptimizer:
    """Return the optimiser's factory.

    It is not fused where float16's scaler must unscale gradients before they are clipped.
    """
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    fused = {"fused": False} if cfg.optimizer.fused and str(precision) in ("16", "16-mixed") else {}
    optimizer: MakesOptimizer = cfg.optimizer.build(**fused)
    if cfg.lr_factors:
        return RatesByPart(optimizer, cfg.optimizer.lr, cfg.lr_factors)
    return optimizer


def build_data(cfg: TrainConfig) -> StemsDataModule:
    """Build the data module."""
    batches = Batches(**{field.name: getattr(cfg.data, field.name) for field in fields(Batches)})
    source = cfg.data.source.build()
    pack = pack_folder(cfg.data, cfg.paths, source)
    return StemsDataModule(source, cfg.augment.build(), batches, cfg.seed, pack)


def build_trainer(cfg: TrainConfig) -> L.Trainer:
    """Build the trainer with its logger and callbacks.

    Raises:
        InputError: If it needs a missing GPU, or other processes than torchrun started.
    """
    if cfg.trainer.accelerator == "gpu" and best_device().type == "cpu":
        raise InputError(
            "trainer.accelerator=gpu, but PyTorch finds no GPU here; choose trainer=cpu, or install the "
            "PyTorch that fits your GPU (pytorch.org)"
        )
    if cfg.trainer.accelerator == "cpu" and not is_count(cfg.trainer.devices):
        raise InputError(
            f"trainer.devices={cfg.trainer.devices} counts GPUs, but trainer.accelerator=cpu uses none; set "
            "trainer.devices to a number of processes, such as 2"
        )
    check_processes(cfg.trainer.devices, cfg.trainer.num_nodes)
    callbacks = [callback.build() for callback in (cfg.callbacks or {}).values()]
    if cfg.early_stopping is not None:
        callbacks.append(build_early_stop(cfg))
    keeps_checkpoints = any(isinstance(callback, CheckpointCallback) for callback in callbacks)
    logger = build_logger(cfg.logger, cfg.tags) if cfg.logger else False
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    trainer: L.Trainer = cfg.trainer.build(
        precision=precision,
        plugins=[CarefulCheckpointIO()],
        callbacks=callbacks,
        enable_checkpointing=keeps_checkpoints,  # otherwise Lightning adds a ModelCheckpoint of its own
        logger=logger,
    )
    return trainer


def build_early_stop(cfg: TrainConfig) -> EarlyStop:
    """Build the callback of ``early_stopping``.

    Raises:
        InputError: If the configuration has the callback too.
    """
    if "early_stopping" in (cfg.callbacks or {}):
        raise InputError(
            f"early_stopping={cfg.early_stopping} and callbacks.early_stopping are both set; remove one of them"
        )
    assert cfg.early_stopping is not None
    monitor = monitor_of(cfg.tree)
    return EarlyStop(
        monitor.name,
        mode=monitor.mode,
        patience=cfg.early_stopping,
        check_finite=False,
        check_on_train_epoch_end=False,
    )


def is_count(devices: object) -> bool:
    """Return whether ``trainer.devices`` is a number of processes, not of GPUs."""
    return isinstance(devices, int) and devices > 0


def build_logger(logger: Component, tags: Sequence[str] | None = None, folder: Path | None = None) -> Logger:
    """Build a logger.

    Args:
        logger: The component.
        tags: Tags of the run in Weights & Biases.
        folder: Where the logger writes, if it has a ``save_dir``.

    Raises:
        InputError: If the logger needs a package that is not installed.
    """
    more: dict[str, Any] = {"tags": list(tags)} if tags and logs_to_wandb(logger) else {}
    if folder is not None and "save_dir" in logger.arguments:
        more["save_dir"] = str(folder)
    try:
        built: Logger = logger.build(**more)
    except InstantiationException as error:
        if "TensorBoard" in logger.target and isinstance(error.__cause__, ModuleNotFoundError):
            command = install_command("tensorboard")
            raise InputError(f"logger=tensorboard needs a package that is not installed; {command}") from error
        raise
    if isinstance(built, WandbLogger) and built._wandb_init.get("anonymous") is None:
        built._wandb_init.pop("anonymous", None)  # Lightning passes it always, and W&B warns of it
    return built


def chosen_precision(precision: str | int, accelerator: str) -> str | int:
    """Resolve ``precision=auto``.

    It is bf16-mixed where the hardware computes bfloat16, 16-mixed on older GPUs, else float32.
    """
    if precision != "auto":
        return precision
    device = torch.device("cpu") if accelerator == "cpu" else best_device()
    if computes_bf16(device):
        return "bf16-mixed"
    return "16-mixed" if device.type == "cuda" else "32-true"


def report_start(
    start: WarmStart, source: SeparationModel, model: SeparationModel, name: str, console: Console
) -> None:
    """Print the weights that were copied from the checkpoint that ``init_from`` names."""
    console.print(f"From {name}: {start}")
    if start.fresh:
        console.print(f"It separates {', '.join(source.stems)}, and this run {', '.join(model.stems)}.")
    for change in start.changed:
        console.print(f"The same weights compute something else here: {change}.", style="yellow")
