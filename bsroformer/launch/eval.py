"""Evaluate a checkpoint: ``scripts/eval.py``."""

from omegaconf import DictConfig
from rich.console import Console

from bsroformer.data.layouts import SPLITS
from bsroformer.data.sources import find_splits
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.inference import StreamSeparator
from bsroformer.launch.config import path_of, prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.scoring import Scoring
from bsroformer.launch.separators import build_separator
from bsroformer.launch.songs import build_source
from bsroformer.launch.terminal import terminal
from bsroformer.metrics import bss_eval_available


@user_errors
def evaluate(cfg: DictConfig) -> None:
    """Separate the songs of a split and score them.

    Args:
        cfg: ``configs/eval.yaml``, composed.
    """
    cfg = prepared(cfg)
    console, folder = terminal(), path_of(cfg.output, "output")
    keep_freed_memory()
    separator = build_separator(cfg, console)
    if cfg.split not in SPLITS:
        raise InputError(f"split={cfg.split} is none of {', '.join(SPLITS)}")
    source = build_source(cfg)
    source.make()
    tracks = getattr(find_splits(source), cfg.split)
    if not tracks:
        raise InputError(f"the data set has no {cfg.split} songs: choose another split, or check data.root")
    stems_folder = folder if cfg.save_stems else None
    bss_eval = _uses_bss_eval(cfg.bss_eval, separator, console)
    Scoring(folder, "results", bss_eval, stems_folder).run(separator, tracks, console)
    console.print(f"Scores and pictures are in {folder}")


def _uses_bss_eval(wanted: bool | str, separator: StreamSeparator, console: Console) -> bool:
    if isinstance(wanted, bool):
        return wanted
    if wanted != "auto":
        raise InputError(f"bss_eval={wanted} is none of auto, true, false")
    if len(separator.stems) < 2:
        console.print("BSS Eval's SIR, SAR and ISR are left out: they need two stems or more.")
        return False
    available = bss_eval_available()
    if not available:
        console.print("BSS Eval's SIR, SAR and ISR are left out: museval needs FFmpeg (ffmpeg, ffprobe) on the PATH.")
    return available
