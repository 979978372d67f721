"""Report how a run reads its songs, and what packing them would save."""

import shlex

from hydra.core.hydra_config import HydraConfig
from rich.console import Console
from rich.filesize import decimal

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.layouts.flat import is_flat
from bsroformer.data.packs import estimate_packing
from bsroformer.invocation import command_line
from bsroformer.text import count, listed

PACK_KEYS = ("data.root", "data.extra", "data.pack", "data.layout", "data.stems", "data.valid_songs")
"""Keys that decide which songs are packed, how, or where."""


def report_data_source(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    """Print where songs are read from: packs, files, or both."""
    songs = data.tracks
    if data.unnamed:
        console.print(
            f"The songs also have {listed(data.unnamed)}, not named in data.stems; mixtures are made without them",
            style="yellow",
        )
    folder = data.source.location
    if folder is not None and is_flat(folder) and not songs.alone:
        console.print(
            f"{folder} has no folders train/, valid/ and test/; its songs are split by their names, "
            "so that most stay in their split when others are added (data.valid_songs fixes them)"
        )
    if songs.packed:
        repaired = f" ({songs.repaired} repaired)" if songs.repaired else ""
        reason = ", since their files are missing" if songs.alone else ""
        console.print(f"Reading {count(songs.packed, 'song')}{repaired} from packs in {data.pack}{reason}")
    if songs.stale:
        console.print(
            f"Ignoring the packs of {listed(songs.stale)}, which are damaged or of other files, stems or versions; "
            f"run {command_line('prepare')} again",
            style="yellow",
        )
    _report_packing(cfg, data, console)


def _report_packing(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    if data.pack is None:
        return
    estimate = estimate_packing(data.tracks, data.source.form, data.frames, data.pack)
    if estimate is None or cfg.ckpt_path:  # packs would change the excerpts of a resumed run
        return
    console.print(
        f"Reading {count(estimate.tracks, 'song')} from audio files: {1000 * estimate.seconds:.0f} ms for an excerpt, "
        f"silent regions unknown. Packs (decoded copies) need 2 ms and {decimal(estimate.bytes)} on the disk: "
        f"{command_line('prepare')} {data_arguments(cfg)}"
    )


def data_arguments(cfg: TrainConfig) -> str:
    """Format the arguments that name the data set, for a command line."""
    if not HydraConfig.initialized():
        return f"data.root={cfg.data.root}"
    hydra = HydraConfig.get()
    typed = [argument for argument in hydra.overrides.task if _chooses_pack(argument)]
    return shlex.join([f"data={hydra.runtime.choices['data']}", *typed])


def _chooses_pack(argument: str) -> bool:
    """Return whether an argument decides which songs are packed, how, or where."""
    key = argument.partition("=")[0].lstrip("+")
    return key in PACK_KEYS or key.startswith(("audio", "data.source.", "paths.cache_dir"))
