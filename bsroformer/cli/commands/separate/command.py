"""Separate songs: ``bsroformer separate``."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from bsroformer.audio.formats import FORMATS
from bsroformer.checkpoints import Checkpoint
from bsroformer.cli.checkpoint_sources import checkpoint_fingerprints, open_checkpoints
from bsroformer.cli.commands.separate.config import SeparateConfig, Shard
from bsroformer.cli.commands.separate.separation_run import SeparationRun
from bsroformer.cli.commands.separate.separators import device_of, separator_from
from bsroformer.cli.console import terminal
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.devices import best_device, keep_freed_memory
from bsroformer.inference import Delivery, find_songs

DEFAULT_OUTPUT = "separated"
FAST_OVERLAP = 0.125
"""The overlap of ``separation=fast``."""


def separate(cfg: SeparateConfig) -> int:
    """Separate songs into stem files; skip songs that are done.

    The files are ``<output>/<place>/<song>/<stem>.<format>``.

    Returns:
        The exit status: not 0 if a song failed.
    """
    console = terminal()
    output = output_folder(cfg)
    keep_freed_memory()
    delivery = Delivery(cfg.format, cfg.bit_depth, cfg.bitrate, cfg.rescale)
    checkpoints = open_checkpoints(cfg, console)
    stems = cfg.stems if cfg.two_stems is None else [cfg.two_stems]
    device = device_of(cfg, cfg.shard.index, cfg.shard.count)
    separator = separator_from(checkpoints, cfg, stems, cfg.weights, device)
    settings = settings_of(cfg, checkpoints)
    residual = residual_name(cfg, separator.stems[0])
    run = SeparationRun(separator, delivery, residual, cfg.downmix, settings, console, faster_choices(cfg))
    run.stream = cfg.audio_stream
    songs = find_songs(cfg.input, output, run.names)[cfg.shard.index :: cfg.shard.count]
    has_succeeded = run.separate(songs, cfg.overwrite)
    wait_for_other_processes(cfg.shard)
    return 0 if has_succeeded else EXIT_USER_ERROR


def residual_name(cfg: SeparateConfig, stem: str) -> str | None:
    """Return the name of the residual, or None if it is not written.

    `stem` is the first of the separated stems.
    """
    if cfg.two_stems is not None:
        return f"no_{stem}"
    return "residual" if cfg.residual else None


def settings_of(cfg: SeparateConfig, checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """Collect the settings that change stems; other settings separate a song again."""
    tree = cfg.tree
    windows = ("overlap", "shifts", "tta", "chunk_seconds")
    sound = ("downmix", "bit_depth", "rescale")
    lossy = ("bitrate",) if FORMATS[cfg.format].lossy else ()
    keys = ("weights", "precision", *windows, *sound, *lossy)
    stream = {"audio_stream": cfg.audio_stream} if cfg.audio_stream else {}  # the first is what it always was
    return {"files": checkpoint_fingerprints(checkpoints), **{key: tree[key] for key in keys}, **stream}


def faster_choices(cfg: SeparateConfig) -> list[str]:
    """List faster choices than these settings."""
    choices = []
    if cfg.overlap > FAST_OVERLAP or cfg.shifts > 1 or cfg.tta:
        choices.append("separation=fast")
    on_cpu = cfg.device == "cpu" or (cfg.device == "auto" and best_device().type == "cpu")
    if on_cpu and cfg.engine == "torch" and not cfg.compile:
        choices.append("engine=auto, which tries OpenVINO")
    if on_cpu:
        choices.append("a computer with a GPU")
    return choices


def output_folder(cfg: SeparateConfig) -> Path:
    """Return the output folder.

    Each job of a sweep over settings has a folder in it, unless ``output`` is another.
    """
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if in_sweep and cfg.shard.count == 1 and str(cfg.output) == DEFAULT_OUTPUT:
        return cfg.output / str(HydraConfig.get().job.num)
    return cfg.output


def wait_for_other_processes(shard: Shard) -> None:
    """Wait until all processes of torchrun are done.

    Torchrun ends the others when one reports a failed song.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or shard.count == 1:
        return
    torch.distributed.init_process_group("gloo", timeout=timedelta(days=365))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
