"""From the configuration to objects: the only file that instantiates."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.utils import instantiate
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from bsroformer.checkpoints import load_model
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.sources import Source
from bsroformer.devices import best_device, computes_bf16
from bsroformer.inference import Separator
from bsroformer.model import BandSplitRoformer, ModelSettings
from bsroformer.training import SeparationModule

make = partial(instantiate, _convert_="all")


def build_model(cfg: DictConfig) -> BandSplitRoformer:
    """The model that ``model`` describes, with random weights."""
    tree = OmegaConf.to_container(cfg.model, resolve=True)
    assert isinstance(tree, dict)
    model = BandSplitRoformer(ModelSettings.from_dict({str(key): value for key, value in tree.items()}))
    model.activation_checkpointing = cfg.activation_checkpointing
    return model


def build_module(cfg: DictConfig) -> SeparationModule:
    """The model in training."""
    return SeparationModule(build_model(cfg), make(cfg.loss), make(cfg.optimizer), make(cfg.scheduler))


def build_source(cfg: DictConfig) -> Source:
    """Where the songs come from."""
    return make(cfg.data.source)


def build_data(cfg: DictConfig) -> StemsDataModule:
    """Songs as training takes them."""
    data = cfg.data
    return StemsDataModule(
        build_source(cfg),
        make(cfg.augment),
        data.seconds,
        data.batch_size,
        data.epoch_size,
        data.valid_per_song,
        data.num_workers,
        cfg.seed,
    )


def build_trainer(cfg: DictConfig) -> L.Trainer:
    """The trainer with its logger and callbacks."""
    callbacks: dict[str, Any] = make(cfg.callbacks) if cfg.callbacks else {}
    if cfg.trainer.get("fast_dev_run"):
        callbacks = {}
    logger: Logger | bool = make(cfg.logger) if cfg.logger else False
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    return make(cfg.trainer, precision=precision, callbacks=list(callbacks.values()), logger=logger)


def build_separator(cfg: DictConfig, ckpt: str | Path) -> Separator:
    """The separator of a checkpoint."""
    return Separator(load_model(ckpt), **cfg.separation)


def chosen_precision(precision: str, accelerator: str) -> str:
    """``auto`` is bf16-mixed where the hardware computes bfloat16, 16-mixed on older GPUs, else float32."""
    if precision != "auto":
        return precision
    device = torch.device("cpu") if accelerator == "cpu" else best_device()
    if computes_bf16(device):
        return "bf16-mixed"
    return "16-mixed" if device.type == "cuda" else "32-true"
