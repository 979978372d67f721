"""Check a checkpoint to resume from, before anything of it is loaded.

PyTorch's fused optimisers write past the end of moments that are shorter than their parameters, Lightning's loops and
callbacks accept any state, and a checkpoint may come from another person or version.
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
from bsroformer.checkpoints.native import ENTRY, PREFIX, RAW, absent_names
from bsroformer.data.batch_schedule import START, BatchSizes
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.training.module import SeparationModule
from bsroformer.training.resume.entry_checks import MAX_COUNT, check_like, is_finite, require, short, unusable
from bsroformer.training.resume.optimizer_check import check_optimizer

VERSION = "pytorch-lightning_version"
OLDEST_VERSION = Version("2.0")
"""Lightning moves the entries of older checkpoints before it reads them."""
SCALER = "native_amp_scaling_state"
"""Lightning's former name for the state of float16's scaler, which it still reads."""
FILE_ENTRIES = ("best_model_path", "kth_best_model_path", "last_model_path")
"""Entries of Lightning's `ModelCheckpoint` that name files, which it later removes."""
SCORE_ENTRIES = ("best_model_score", "kth_value", "current_score")
CHECKED_MODULES = ("bsroformer.", "lightning.")
"""Modules whose callbacks have states of one form."""

State = dict[str, Any]


def check_training_state(
    checkpoint: State, path: Path, trainer: L.Trainer, module: SeparationModule, data: StemsDataModule
) -> None:
    """Make sure that a training can resume from a checkpoint, entry by entry.

    Args:
        checkpoint: As `read_training_checkpoint` returns it.
        path: Its file, for messages.
        trainer: The trainer that will resume, not started yet; its callbacks load their states.
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
        is_known = isinstance(given, str) and Version(given) >= OLDEST_VERSION
        require(is_known, VERSION, f"is {short(given)}")


def _check_weights(checkpoint: State, module: SeparationModule) -> None:
    """Check names, shapes and values of the weights, averaged and raw."""
    usual = module.state_dict()
    absent = absent_names(module.model, checkpoint[ENTRY]["format"])
    optional = [f"{PREFIX}{name}" for name in absent]
    has_average = RAW in checkpoint
    entries = ("state_dict", RAW) if has_average else ("state_dict",)
    for entry in entries:
        check_like(checkpoint[entry], usual, entry, optional)
        for name, tensor in checkpoint[entry].items():
            require(is_finite(tensor), f"{entry}.{name}", "holds NaN or infinity")
    if has_average:
        _check_average(checkpoint.get(AVERAGED))


def _check_average(found: Any) -> None:
    """Check the count of averaged steps."""
    check_like(found, {"n_averaged": torch.tensor(0)}, AVERAGED)
    count = found["n_averaged"]
    is_integer = not count.is_floating_point() and not count.is_complex()
    require(is_integer and 0 <= int(count) <= MAX_COUNT, f"{AVERAGED}.n_averaged", "is not a count")


def _check_loops(checkpoint: State, trainer: L.Trainer) -> None:
    """Check Lightning's counters of steps, batches and epochs."""
    name = "loops.fit_loop"
    loops = checkpoint.get("loops")
    fit_loop = loops.get("fit_loop") if isinstance(loops, dict) else None
    require(isinstance(fit_loop, dict), name, "is missing")
    assert isinstance(fit_loop, dict)
    check_like(fit_loop, trainer.fit_loop.state_dict(), name)
    loaders = fit_loop["state_dict"].get("combined_loader", [])
    require(loaders in ([], [{}]), f"{name}.state_dict.combined_loader", "is not that of one loader without a state")


def _check_scaler(checkpoint: State, trainer: L.Trainer) -> None:
    plugin = trainer.precision_plugin
    usual = plugin.state_dict()
    if not usual:
        return
    for name in (type(plugin).__qualname__, SCALER):
        if name in checkpoint:
            check_like(checkpoint[name], usual, name)


def _check_data(checkpoint: State) -> None:
    """Check the run's position in its excerpts."""
    name = StemsDataModule.__qualname__
    if name not in checkpoint:
        return
    usual = {"drawn_from": "", "sizes": BatchSizes(1, 1, 1)._asdict(), "stand": START._asdict()}
    check_like(checkpoint[name], usual, name, optional=("sizes", "stand"))
    sizes = checkpoint[name].get("sizes", {})
    require(all(size > 0 for size in sizes.values()), f"{name}.sizes", "has a size of 0")


def _check_callbacks(checkpoint: State, trainer: L.Trainer) -> None:
    """Check the states of callbacks, which load them here as a trial."""
    states = checkpoint.get("callbacks")
    require(isinstance(states, dict), "callbacks", "is missing or not a dictionary")
    assert isinstance(states, dict)
    for key, state in states.items():
        is_state = isinstance(key, str) and isinstance(state, dict)
        require(is_state, f"callbacks.{short(key)}", "is not the state of a callback")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        state = states.get(callback.state_key)
        if state:
            _check_callback(callback, state)


def _check_callback(callback: L.Callback, state: State) -> None:
    name = f"callbacks.{type(callback).__name__}"
    if isinstance(callback, ModelCheckpoint):
        _check_best(state, name)
        return
    if type(callback).__module__.startswith(CHECKED_MODULES):
        check_like(state, _usual_state(callback), name)
    with unusable(name, Exception):
        callback.load_state_dict(copy.deepcopy(state))


def _usual_state(callback: L.Callback) -> State:
    """The state of a callback that has not started."""
    state = callback.state_dict()
    if isinstance(callback, Timer):  # its seconds are integers before the start
        elapsed = state["time_elapsed"]
        state["time_elapsed"] = {stage: float(seconds) for stage, seconds in elapsed.items()}
    return state


def _check_best(state: Mapping[str, Any], name: str) -> None:
    """Check scores and files of Lightning's `ModelCheckpoint`.

    It removes files that are no longer the best.
    """
    for key in SCORE_ENTRIES:
        score = state.get(key)
        check_like(score, None, f"{name}.{key}")
        require(not isinstance(score, str | bool), f"{name}.{key}", "is not a number")
    _check_best_models(state.get("best_k_models", {}), f"{name}.best_k_models")
    require("best_model_path" in state, f"{name}.best_model_path", "is missing")
    for key in FILE_ENTRIES:
        _check_file(state.get(key, ""), f"{name}.{key}")


def _check_best_models(found: Any, name: str) -> None:
    require(isinstance(found, dict), name, "is not a dictionary")
    for path, score in found.items():
        is_score = isinstance(score, Tensor) and score.numel() == 1
        require(is_score, name, "has a file without a score")
        _check_file(path, name)


def _check_file(path: Any, name: str) -> None:
    require(isinstance(path, str), name, "is not the path of a file")
    if not path:
        return
    leads_up = ".." in Path(path).parts
    is_checkpoint = path.endswith(".ckpt") and not leads_up and "\0" not in path
    require(is_checkpoint, name, f"names {path:.80}")
