"""Separate a song: ``scripts/separate.py``."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import Tensor

from bsroformer.audio.convert import resample, to_channels
from bsroformer.audio.files import read, write
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.inference import Separator
from bsroformer.launch.build import build_separator
from bsroformer.launch.config import path_of, prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.terminal import terminal


@user_errors
def separate(cfg: DictConfig) -> None:
    """Write the stems of a song to ``<output>/<song>/<stem>.wav``, at the song's own rate, in 32-bit float.

    Args:
        cfg: ``configs/separate.yaml``, composed.
    """
    cfg = prepared(cfg)
    console, source, output = terminal(), path_of(cfg.input, "input"), path_of(cfg.output, "output")
    keep_freed_memory()
    audio, rate = read(source)
    separator = build_separator(cfg, console)
    mixture = prepared_mixture(audio, rate, separator, cfg.downmix, source)
    stems = resample(_separate(separator, mixture, source.name, console), separator.sample_rate, rate)
    folder = output / source.stem.removesuffix(".stem")
    for name, stem in zip(separator.stems, stems[..., : audio.shape[-1]], strict=True):
        write(folder / f"{name}.wav", stem, rate)
    console.print(f"{', '.join(separator.stems)} are in {folder}")


def prepared_mixture(audio: Tensor, rate: int, separator: Separator, downmix: bool, source: Path) -> Tensor:
    """Audio of any rate, mono or stereo, as the separator takes it: ``(c t)``.

    Raises:
        InputError: If it has more than two channels and `downmix` does not allow them, or is too short.
    """
    settings = separator.model.settings
    if audio.shape[0] > 2 and not downmix:
        raise InputError(
            f"{source} has {audio.shape[0]} channels, and separation takes mono or stereo: mix it down, "
            "or set downmix=true for 5.1 surround sound"
        )
    mixture = resample(to_channels(audio, settings.channels), rate, separator.sample_rate)
    if mixture.shape[-1] < settings.stft.hop_length:
        shortest = 1000 * settings.stft.hop_length / separator.sample_rate
        raise InputError(
            f"{source} is too short to separate: {audio.shape[-1]} sample(s) at {rate} Hz, where the model's "
            f"shortest step is {shortest:.0f} ms; give it a longer recording"
        )
    return mixture


def _separate(separator: Separator, mixture: Tensor, name: str, console: Console) -> Tensor:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=mixture.shape[-1])
        return separator(mixture, lambda done, total: progress.update(task, completed=done))
