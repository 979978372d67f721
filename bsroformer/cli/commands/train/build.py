"""From the configuration to the objects of a training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.errors import InstantiationException
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback
from lightning.pytorch.loggers import Logger, WandbLogger
from torch.optim import Optimizer

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.wandb_mode import logs_to_wandb
from bsroformer.cli.config import AUTO
from bsroformer.cli.ranks import check_processes
from bsroformer.cli.schemas.components import Component
from bsroformer.cli.songs import pack_folder
from bsroformer.data.batches import Batches
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.devices import best_device, computes_bf16
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.models import SeparationModel, registry
from bsroformer.models.abilities import compile_blocks, set_recomputed_blocks
from bsroformer.models.empty_model import count_recomputable_blocks
from bsroformer.report.monitor import monitor_of
from bsroformer.training import SeparationModule
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO

MakesOptimizer = Callable[[Iterable[Any]], Optimizer]


def build_model(cfg: TrainConfig) -> SeparationModel:
    """Build the model that ``model`` describes, with random weights."""
    model = registry.build_model(cfg.settings)
    set_recomputed_blocks(model, recomputed_blocks(cfg))
    return model


def block_count(cfg: TrainConfig) -> int:
    """Count the blocks that the configured model can recompute; 0 if its architecture has none."""
    return count_recomputable_blocks(cfg.settings)


def recomputed_blocks(cfg: TrainConfig) -> int:
    """How many blocks ``activation_checkpointing`` says to recompute: all, none, so many of the first, or as it takes.

    Raises:
        InputError: If it says something else.
    """
    from bsroformer.cli.commands.check_gpu.memory import fewest_blocks  # which imports this module

    asked = cfg.activation_checkpointing
    if asked == AUTO:
        return fewest_blocks(cfg)
    depth = block_count(cfg)
    if not depth and asked is True:
        raise InputError(
            f"activation_checkpointing=true cannot be used with architecture {cfg.model.get('architecture')}, which "
            "has no blocks to recompute; use activation_checkpointing=false"
        )
    if isinstance(asked, bool):
        return depth if asked else 0
    if isinstance(asked, int) and asked <= depth:
        return asked
    raise InputError(
        f"activation_checkpointing={asked} must be auto, true, false, or a number of blocks from 0 to {depth} "
        "(those of the model)"
    )


def build_module(cfg: TrainConfig) -> SeparationModule:
    """The model in training.

    Raises:
        InputError: If it is one for other audio than ``audio`` says.
    """
    for key in ("sample_rate", "channels"):
        takes, read = getattr(cfg.settings, key), getattr(cfg.audio, key)
        if takes != read:
            raise InputError(
                f"model.{key} is {takes} and audio.{key} {read}: set audio.{key}={takes}, so that songs are read as "
                "the model takes them"
            )
    model = build_model(cfg)
    if cfg.compile:
        compile_blocks(model)
    loss, optimizer, schedule = cfg.loss.build(), build_optimizer(cfg), cfg.scheduler.build()
    return SeparationModule(model, loss, optimizer, schedule, cfg.data.stems, monitor_of(cfg.tree).name)


def build_optimizer(cfg: TrainConfig) -> MakesOptimizer:
    """What makes the optimiser; no fused one where float16's scaler must unscale gradients before they are clipped."""
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    fused = {"fused": False} if cfg.optimizer.fused and str(precision) in ("16", "16-mixed") else {}
    optimizer: MakesOptimizer = cfg.optimizer.build(**fused)
    return optimizer


def build_data(cfg: TrainConfig) -> StemsDataModule:
    """Songs as training takes them."""
    batches = Batches(**{field.name: getattr(cfg.data, field.name) for field in fields(Batches)})
    source = cfg.data.source.build()
    pack = pack_folder(cfg.data, cfg.paths, source)
    return StemsDataModule(source, cfg.augment.build(), batches, cfg.seed, pack)


def build_trainer(cfg: TrainConfig) -> L.Trainer:
    """The trainer with its logger and callbacks.

    Raises:
        InputError: If it asks for a GPU where there is none, or for other processes than there are.
    """
    if cfg.trainer.accelerator == "gpu" and best_device().type == "cpu":
        raise InputError(
            "trainer.accelerator=gpu, but PyTorch finds no GPU here: choose trainer=cpu, or install the "
            "PyTorch that fits your GPU (pytorch.org)"
        )
    if cfg.trainer.accelerator == "cpu" and not is_count(cfg.trainer.devices):
        raise InputError(
            f"trainer.devices={cfg.trainer.devices} counts GPUs, and trainer.accelerator=cpu has none: set "
            "trainer.devices to a number of processes, as 2"
        )
    check_processes(cfg.trainer.devices, cfg.trainer.num_nodes)
    callbacks = [callback.build() for callback in (cfg.callbacks or {}).values()]
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


def is_count(devices: object) -> bool:
    """Whether ``trainer.devices`` is a number of processes, not of GPUs."""
    return isinstance(devices, int) and devices > 0


def build_logger(logger: Component, tags: Sequence[str] | None = None, folder: Path | None = None) -> Logger:
    """The logger that a component describes.

    Args:
        logger: The component.
        tags: Words to find the run by, in Weights & Biases.
        folder: Where it writes, unless the component has the place.

    Raises:
        InputError: If it needs a package that is not installed.
    """
    more: dict[str, Any] = {"tags": list(tags)} if tags and logs_to_wandb(logger) else {}
    if folder is not None and "save_dir" in logger.arguments:
        more["save_dir"] = str(folder)
    try:
        built: Logger = logger.build(**more)
    except InstantiationException as error:
        if "TensorBoard" in logger.target and isinstance(error.__cause__, ModuleNotFoundError):
            raise InputError(f"logger=tensorboard needs a package: {install_command('tensorboard')}") from error
        raise
    if isinstance(built, WandbLogger) and built._wandb_init.get("anonymous") is None:
        built._wandb_init.pop("anonymous", None)  # Lightning passes it always, and W&B warns of it
    return built


def chosen_precision(precision: str | int, accelerator: str) -> str | int:
    """``auto`` is bf16-mixed where the hardware computes bfloat16, 16-mixed on older GPUs, else float32."""
    if precision != "auto":
        return precision
    device = torch.device("cpu") if accelerator == "cpu" else best_device()
    if computes_bf16(device):
        return "bf16-mixed"
    return "16-mixed" if device.type == "cuda" else "32-true"
