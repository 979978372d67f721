"""From the configuration to the objects of a training."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import lightning as L
import torch
from hydra.errors import InstantiationException
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback
from lightning.pytorch.loggers import Logger, WandbLogger
from omegaconf import DictConfig
from torch.optim import Optimizer

from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.devices import best_device, computes_bf16
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.launch.config import AUTO, plain, whole
from bsroformer.launch.ranks import check_processes
from bsroformer.launch.songs import build_source, make, pack_folder
from bsroformer.launch.wandb_mode import logs_to_wandb
from bsroformer.models import SeparationModel, registry, settings_from_dict
from bsroformer.models.abilities import compile_blocks, set_recomputed_blocks
from bsroformer.models.blank import count_recomputable_blocks
from bsroformer.report.monitor import monitor_of
from bsroformer.training import SeparationModule
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO

MATMUL_PRECISIONS = ("highest", "high", "medium")

MakesOptimizer = Callable[[Iterable[Any]], Optimizer]


def build_model(cfg: DictConfig) -> SeparationModel:
    """Build the model that ``model`` describes, with random weights."""
    model = registry.build_model(settings_from_dict(plain(cfg.model)))
    set_recomputed_blocks(model, recomputed_blocks(cfg))
    return model


def block_count(cfg: DictConfig) -> int:
    """Count the blocks that the configured model can recompute; 0 if its architecture has none."""
    return count_recomputable_blocks(settings_from_dict(plain(cfg.model)))


def recomputed_blocks(cfg: DictConfig) -> int:
    """How many blocks ``activation_checkpointing`` says to recompute: all, none, so many of the first, or as it takes.

    Raises:
        InputError: If it says something else.
    """
    from bsroformer.launch.memory import fewest_blocks  # which imports this module

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
    if isinstance(asked, int) and 0 <= asked <= depth:
        return asked
    raise InputError(
        f"activation_checkpointing={asked} must be auto, true, false, or a number of blocks from 0 to {depth} "
        "(those of the model)"
    )


def build_module(cfg: DictConfig) -> SeparationModule:
    """The model in training.

    Raises:
        InputError: If it is one for other audio than ``audio`` says.
    """
    for key in ("sample_rate", "channels"):
        if cfg.model[key] != cfg.audio[key]:
            raise InputError(
                f"model.{key} is {cfg.model[key]} and audio.{key} {cfg.audio[key]}: set audio.{key}={cfg.model[key]}, "
                "so that songs are read as the model takes them"
            )
    model = build_model(cfg)
    if cfg.compile:
        compile_blocks(model)
    stems, monitor = list(cfg.data.stems), monitor_of(cfg).name
    return SeparationModule(model, make(cfg.loss), build_optimizer(cfg), make(cfg.scheduler), stems, monitor)


def set_float32_matmul_precision(cfg: DictConfig) -> None:
    """Choose how float32 matmuls are computed on a GPU, for the whole process.

    Raises:
        InputError: If ``float32_matmul_precision`` is none of PyTorch's words.
    """
    precision = cfg.float32_matmul_precision
    if precision not in MATMUL_PRECISIONS:
        words = ", ".join(MATMUL_PRECISIONS)
        raise InputError(f"float32_matmul_precision={precision} must be one of {words}")
    torch.set_float32_matmul_precision(precision)


def build_optimizer(cfg: DictConfig) -> MakesOptimizer:
    """What makes the optimiser; no fused one where float16's scaler must unscale gradients before they are clipped."""
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    if cfg.optimizer.get("fused") and str(precision) in ("16", "16-mixed"):
        return make(cfg.optimizer, fused=False)
    return make(cfg.optimizer)


def build_data(cfg: DictConfig) -> StemsDataModule:
    """Songs as training takes them."""
    batches = Batches(**{field.name: cfg.data[field.name] for field in fields(Batches)})
    source = build_source(cfg)
    return StemsDataModule(source, make(cfg.augment), batches, cfg.seed, pack_folder(cfg, source))


def build_trainer(cfg: DictConfig) -> L.Trainer:
    """The trainer with its logger and callbacks.

    Raises:
        InputError: If it asks for a GPU where there is none, or for other processes than there are.
    """
    if cfg.trainer.accelerator == "gpu" and best_device().type == "cpu":
        raise InputError(
            "trainer.accelerator=gpu, but PyTorch finds no GPU here: choose trainer=cpu, or install the "
            "PyTorch that fits your GPU (pytorch.org)"
        )
    if cfg.trainer.accelerator == "cpu" and not whole(cfg, "trainer.devices") > 0:
        raise InputError(
            f"trainer.devices={cfg.trainer.devices} counts GPUs, and trainer.accelerator=cpu has none: set "
            "trainer.devices to a number of processes, as 2"
        )
    check_processes(cfg.trainer.devices, cfg.trainer.num_nodes)
    callbacks: dict[str, Any] = make(cfg.callbacks) if cfg.callbacks else {}
    keeps_checkpoints = any(isinstance(callback, CheckpointCallback) for callback in callbacks.values())
    logger: Logger | bool = build_logger(cfg) if cfg.logger else False
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    return make(
        cfg.trainer,
        precision=precision,
        plugins=[CarefulCheckpointIO()],
        callbacks=list(callbacks.values()),
        enable_checkpointing=keeps_checkpoints,  # otherwise Lightning adds a ModelCheckpoint of its own
        logger=logger,
    )


def build_logger(cfg: DictConfig) -> Logger:
    """The logger that ``logger`` describes.

    Raises:
        InputError: If it needs a package that is not installed.
    """
    tags = {"tags": list(cfg.tags)} if logs_to_wandb(cfg) and cfg.get("tags") else {}
    try:
        logger: Logger = make(cfg.logger, **tags)
    except InstantiationException as error:
        if "TensorBoard" in cfg.logger._target_ and isinstance(error.__cause__, ModuleNotFoundError):
            raise InputError(f"logger=tensorboard needs a package: {install_command('tensorboard')}") from error
        raise
    if isinstance(logger, WandbLogger) and logger._wandb_init.get("anonymous") is None:
        logger._wandb_init.pop("anonymous", None)  # Lightning passes it always, and W&B warns of it
    return logger


def chosen_precision(precision: str, accelerator: str) -> str:
    """``auto`` is bf16-mixed where the hardware computes bfloat16, 16-mixed on older GPUs, else float32."""
    if precision != "auto":
        return precision
    device = torch.device("cpu") if accelerator == "cpu" else best_device()
    if computes_bf16(device):
        return "bf16-mixed"
    return "16-mixed" if device.type == "cuda" else "32-true"
