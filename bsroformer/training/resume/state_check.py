"""A checkpoint to resume from, compared with the training that is to resume, before any of it is loaded.

PyTorch's fused optimisers write past moments that are shorter than their parameters, Lightning's loops and callbacks
take what they are given, and a checkpoint may come from another person or version.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from packaging.version import InvalidVersion, Version
from torch import Tensor

from bsroformer.checkpoints.checkpoint import AVERAGED
from bsroformer.checkpoints.native import ENTRY, PREFIX, RAW
from bsroformer.data.batch_schedule import START, BatchSizes
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.training.module import SeparationModule
from bsroformer.training.resume.entry_checks import MOST, check_like, is_finite, require, short, unusable
from bsroformer.training.resume.optimizer_check import check_optimizer

VERSION = "pytorch-lightning_version"
OLDEST = Version("2.0")
"""Lightning moves the entries of older ones about before it reads them."""
SCALER = "native_amp_scaling_state"
"""What Lightning called the state of float16's scaler before; it is read still."""
FILES = ("best_model_path", "kth_best_model_path", "last_model_path")
"""Entries of Lightning's `ModelCheckpoint` that name files, which it removes in time."""
KNOWN = ("bsroformer.", "lightning.")
"""Modules whose callbacks keep states of one form."""

State = dict[str, Any]


def check_training_state(
    checkpoint: State, path: Path, trainer: L.Trainer, module: SeparationModule, data: StemsDataModule
) -> None:
    """Make sure that a training can resume from a checkpoint, entry by entry.

    Args:
        checkpoint: As `read_training_checkpoint` gives it.
        path: The file, for messages.
        trainer: What will resume, not started yet; its callbacks take up their states.
        module: The model in training.
        data: Its songs.

    Raises:
        InputError: Naming the file, the first entry that does not fit, and the remedy.
    """
    try:
        _check_counts(checkpoint)
        _check_weights(checkpoint, module)
        check_optimizer(checkpoint, module)
        _check_loops(checkpoint, trainer)
        _check_scaler(checkpoint, trainer)
        _check_data(checkpoint)
        _check_callbacks(checkpoint, trainer)
    except InputError as error:
        raise InputError(
            f"{path} does not fit this training or is damaged: {error}; resume from another checkpoint, or start "
            f"from its weights alone with init_from={path}"
        ) from error


def _check_counts(checkpoint: State) -> None:
    for name in ("epoch", "global_step"):
        require(name in checkpoint, name, "is missing")
        check_like(checkpoint[name], 0, name)
    given = checkpoint.get(VERSION)
    with unusable(VERSION, InvalidVersion):
        require(isinstance(given, str) and Version(given) >= OLDEST, VERSION, f"is {short(given)}")


def _check_weights(checkpoint: State, module: SeparationModule) -> None:
    """Names, shapes and values of the weights, those that the optimiser left included."""
    absent = [f"{PREFIX}{name}" for name in module.model.absent_in_format(checkpoint[ENTRY]["format"])]
    for entry in ("state_dict", *([RAW] if RAW in checkpoint else [])):
        own = module.state_dict()
        check_like(checkpoint[entry], own, entry, optional=absent)
        for name, tensor in checkpoint[entry].items():
            require(is_finite(tensor), f"{entry}.{name}", "holds NaN or infinity")
    if RAW in checkpoint:
        check_like(checkpoint.get(AVERAGED), {"n_averaged": torch.tensor(0)}, AVERAGED)
        averaged = checkpoint[AVERAGED]["n_averaged"]
        whole = not averaged.is_floating_point() and not averaged.is_complex()
        require(whole and 0 <= int(averaged) <= MOST, f"{AVERAGED}.n_averaged", "is no count")


def _check_loops(checkpoint: State, trainer: L.Trainer) -> None:
    """Lightning's counters of steps, batches and epochs."""
    usual = trainer.fit_loop.state_dict()
    name, loops = "loops", checkpoint.get("loops")
    require(isinstance(loops, dict) and isinstance(loops.get("fit_loop"), dict), f"{name}.fit_loop", "is missing")
    assert isinstance(loops, dict)
    fit_loop = loops["fit_loop"]
    check_like(fit_loop, usual, f"{name}.fit_loop")
    loaders = fit_loop["state_dict"].get("combined_loader", [])
    empty = isinstance(loaders, list) and len(loaders) < 2 and all(loader == {} for loader in loaders)
    require(empty, f"{name}.fit_loop.state_dict.combined_loader", "is not that of one loader without a state")


def _check_scaler(checkpoint: State, trainer: L.Trainer) -> None:
    plugin = trainer.precision_plugin
    usual = plugin.state_dict()
    for name in (type(plugin).__qualname__, SCALER):
        if usual and name in checkpoint:
            check_like(checkpoint[name], usual, name)


def _check_data(checkpoint: State) -> None:
    """Where the run stands in its excerpts."""
    name = StemsDataModule.__qualname__
    if name not in checkpoint:
        return
    usual = {"drawn_from": "", "sizes": BatchSizes(1, 1, 1)._asdict(), "stand": START._asdict()}
    check_like(checkpoint[name], usual, name, optional=("sizes", "stand"))
    sizes = checkpoint[name].get("sizes", {})
    require(all(size > 0 for size in sizes.values()), f"{name}.sizes", "has a size of 0")


def _check_callbacks(checkpoint: State, trainer: L.Trainer) -> None:
    """The states of callbacks, which take them up here for a trial."""
    states = checkpoint.get("callbacks")
    require(isinstance(states, dict), "callbacks", "is missing or not a dictionary")
    assert isinstance(states, dict)
    for key, state in states.items():
        require(isinstance(key, str) and isinstance(state, dict), f"callbacks.{short(key)}", "is no callback's state")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        state = states.get(callback.state_key)
        name = f"callbacks.{type(callback).__name__}"
        if isinstance(callback, ModelCheckpoint) and state:
            _check_best(state, name)
        elif state:
            if type(callback).__module__.startswith(KNOWN):
                check_like(state, _usual_state(callback), name)
            with unusable(name, Exception):
                callback.load_state_dict(copy.deepcopy(state))


def _usual_state(callback: L.Callback) -> State:
    """The state of a callback that has not started; Lightning's `Timer` then gives whole numbers for its seconds."""
    state = callback.state_dict()
    if isinstance(callback, Timer):
        state["time_elapsed"] = {stage: float(seconds) for stage, seconds in state["time_elapsed"].items()}
    return state


def _check_best(state: Mapping[str, Any], name: str) -> None:
    """Scores and files that Lightning's `ModelCheckpoint` remembers: it removes them when they are the best no more."""
    for key in ("best_model_score", "kth_value", "current_score"):
        check_like(state.get(key), None, f"{name}.{key}")
        require(not isinstance(state.get(key), str | bool), f"{name}.{key}", "is not a number")
    models = state.get("best_k_models", {})
    require(isinstance(models, dict), f"{name}.best_k_models", "is not a dictionary")
    for path, score in models.items():
        require(isinstance(score, Tensor) and score.numel() == 1, f"{name}.best_k_models", "has a file without a score")
        _check_file(path, f"{name}.best_k_models")
    require("best_model_path" in state, f"{name}.best_model_path", "is missing")
    for key in FILES:
        _check_file(state.get(key, ""), f"{name}.{key}")


def _check_file(path: Any, name: str) -> None:
    require(isinstance(path, str), name, "is not the path of a file")
    parts = Path(path).parts
    require(not path or (path.endswith(".ckpt") and ".." not in parts and "\0" not in path), name, f"names {path:.80}")
