"""Separate songs: ``bsroformer separate``."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from bsroformer.audio.formats import FORMATS
from bsroformer.checkpoints import Checkpoint
from bsroformer.devices import best_device, keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.inference import Delivery, find_songs
from bsroformer.launch.config import path_of, paths_of, plain, prepared, switch, whole, word, words
from bsroformer.launch.errors import STATUS, user_errors
from bsroformer.launch.separating import Separating
from bsroformer.launch.separators import checkpoint_fingerprints, open_checkpoints, separator_from
from bsroformer.launch.terminal import terminal

DEFAULT_OUTPUT = "separated"
FAST_OVERLAP = 0.125
"""Of ``separation=fast``."""
statuses: list[int] = []
"""Of this process's jobs with songs that could not be separated: a sweep goes on after such a job."""


def exit_status() -> int:
    """What the script is to end with; asked once."""
    status = max(statuses, default=0)
    statuses.clear()
    return status


@user_errors
def separate(cfg: DictConfig) -> None:
    """Write the stems of each song to ``<output>/<place>/<song>/<stem>.<format>``; leave out those that are done.

    Args:
        cfg: ``configs/separate.yaml``, composed.
    """
    cfg = prepared(cfg)
    console = terminal()
    inputs, output = paths_of(cfg.input, "input"), output_folder(cfg)
    check_shard(cfg)
    keep_freed_memory()
    stems, rest_is_written = wanted_stems(cfg)
    delivery = Delivery(word(cfg, "format").lower(), cfg.bit_depth, cfg.bitrate, switch(cfg, "rescale"))
    overwrite, downmix = switch(cfg, "overwrite"), switch(cfg, "downmix")
    checkpoints = open_checkpoints(cfg, console)
    separator = separator_from(checkpoints, cfg, stems)
    name = f"no_{separator.stems[0]}" if cfg.two_stems is not None else "residual"
    rest = name if rest_is_written else None
    settings = settings_of(cfg, checkpoints)
    run = Separating(separator, delivery, rest, downmix, settings, console, faster_choices(cfg))
    run.stream = None if cfg.audio_stream is None else whole(cfg, "audio_stream")
    songs = find_songs(inputs, output, run.names)[cfg.shard.index :: cfg.shard.count]
    if not run.separate(songs, overwrite):
        statuses.append(STATUS)
    wait_for_other_processes(cfg)


def wanted_stems(cfg: DictConfig) -> tuple[list[str] | None, bool]:
    """The stems to compute, all if None, and whether the rest is written.

    Raises:
        InputError: If the keys that choose them contradict each other.
    """
    residual = switch(cfg, "residual")
    if cfg.two_stems is not None:
        if cfg.stems is not None or residual:
            raise InputError("two_stems writes a stem and the rest: leave out stems and residual, or two_stems")
        return [word(cfg, "two_stems")], True
    return None if cfg.stems is None else words(cfg, "stems"), residual


def settings_of(cfg: DictConfig, checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """Collect what decides how stems sound: with other settings, a song is separated again."""
    tree = plain(cfg)
    windows, sound = ("overlap", "shifts", "tta", "chunk_seconds"), ("downmix", "bit_depth", "rescale")
    lossy = ("bitrate",) if FORMATS[cfg.format.lower()].lossy else ()
    keys = ("weights", "precision", *windows, *sound, *lossy)
    stream = {"audio_stream": cfg.audio_stream} if cfg.audio_stream else {}  # the first is what it always was
    return {"files": checkpoint_fingerprints(checkpoints), **{key: tree[key] for key in keys}, **stream}


def faster_choices(cfg: DictConfig) -> list[str]:
    """What would separate a song faster than these settings."""
    choices = []
    if cfg.overlap > FAST_OVERLAP or cfg.shifts > 1 or cfg.tta:
        choices.append("separation=fast")
    on_cpu = cfg.device == "cpu" or (cfg.device == "auto" and best_device().type == "cpu")
    if on_cpu and cfg.engine == "torch" and not cfg.compile:
        choices.append("engine=auto, which tries OpenVINO")
    return [*choices, "a computer with a GPU"] if on_cpu else choices


def output_folder(cfg: DictConfig) -> Path:
    """The folder of all songs; each job of a sweep over settings has one in it, unless ``output`` is another."""
    output = path_of(cfg.output, "output")
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if in_sweep and cfg.shard.count == 1 and cfg.output == DEFAULT_OUTPUT:
        return output / str(HydraConfig.get().job.num)
    return output


def check_shard(cfg: DictConfig) -> None:
    """Make sure that processes which share a collection know their part of it, and write to one place.

    Raises:
        InputError: If not.
    """
    index, count = whole(cfg, "shard.index"), whole(cfg, "shard.count")
    if not 0 <= index < count:
        raise InputError(f"shard.index={index} must be from 0 to shard.count - 1 = {count - 1}")


def wait_for_other_processes(cfg: DictConfig) -> None:
    """Under torchrun, wait until all processes are done: it ends the others when one reports a bad song."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or cfg.shard.count == 1:
        return
    torch.distributed.init_process_group("gloo", timeout=timedelta(days=365))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
