"""Separate songs: ``scripts/separate.py``."""

import sys

from omegaconf import DictConfig

from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.inference import Delivery, find_songs
from bsroformer.launch.config import path_of, paths_of, prepared
from bsroformer.launch.errors import STATUS, user_errors
from bsroformer.launch.separating import Separating, counted
from bsroformer.launch.separators import build_separator
from bsroformer.launch.terminal import terminal


@user_errors
def separate(cfg: DictConfig) -> None:
    """Write the stems of each song to ``<output>/<place>/<song>/<stem>.<format>``; leave out those that are done.

    Args:
        cfg: ``configs/separate.yaml``, composed.
    """
    cfg = prepared(cfg)
    console = terminal()
    inputs, output = paths_of(cfg.input, "input"), path_of(cfg.output, "output")
    check_shard(cfg)
    keep_freed_memory()
    stems, rest = wanted_stems(cfg)
    separator = build_separator(cfg, console, stems)
    delivery = Delivery(cfg.format, cfg.bit_depth, cfg.bitrate, cfg.rescale)
    run = Separating(separator, delivery, rest, cfg.downmix, console)
    songs = find_songs(inputs, output, run.names)[cfg.shard.index :: cfg.shard.count]
    waiting = [song for song in songs if cfg.overwrite or not song.done(run.files(song))]
    if done := len(songs) - len(waiting):
        console.print(f"{counted(done)} left out: the stems are there, and newer (overwrite=true separates again)")
    if not run.separate(waiting):
        sys.exit(STATUS)


def wanted_stems(cfg: DictConfig) -> tuple[list[str] | None, str | None]:
    """The stems to compute, all if None, and the name of the rest, if it is to be written.

    Raises:
        InputError: If the keys that choose them contradict each other.
    """
    if cfg.two_stems is not None:
        if cfg.stems is not None or cfg.residual:
            raise InputError("two_stems writes a stem and the rest: leave out stems and residual, or two_stems")
        return [str(cfg.two_stems)], f"no_{cfg.two_stems}"
    stems = None if cfg.stems is None else [str(stem) for stem in cfg.stems]
    return stems, "residual" if cfg.residual else None


def check_shard(cfg: DictConfig) -> None:
    """Make sure that processes which share a collection know their part of it, and write to one place.

    Raises:
        InputError: If not.
    """
    index, count = cfg.shard.index, cfg.shard.count
    if not 0 <= index < count:
        raise InputError(f"shard.index={index} must be from 0 to shard.count - 1 = {count - 1}")
    if count > 1 and cfg.output == cfg.paths.output_dir:
        raise InputError("several processes that share a collection need one place to write: give output=...")
