"""Report how a run reads its songs, and what packing them would save."""

import shlex

from hydra.core.hydra_config import HydraConfig
from rich.console import Console
from rich.filesize import decimal

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.console import first_of
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.layouts.flat import is_flat
from bsroformer.data.packs import estimate_packing
from bsroformer.invocation import command_line


def report_data_source(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    """Print where songs are read from: packs, files, or both."""
    songs = data.tracks
    if data.unnamed:
        console.print(
            f"The songs also have {first_of(data.unnamed)}, not named in data.stems: mixtures are made without them",
            style="yellow",
        )
    place = data.source.location
    if place is not None and is_flat(place) and not songs.alone:
        console.print(
            f"{place} has no folders train/, valid/ and test/: its songs are divided by their names, "
            "so that most stay in their split when others are added; data.valid_songs fixes them"
        )
    if songs.packed:
        mended = f", {songs.repaired} of which were mended" if songs.repaired else ""
        alone = " alone, since their files are not here" if songs.alone else ""
        console.print(f"{songs.packed} songs{mended} are read from their packs in {data.pack}{alone}")
    if songs.stale:
        console.print(
            f"The packs of {first_of(songs.stale)} are of other files or stems, of another version or damaged, and are "
            f"not used: run {command_line('prepare')} again.",
            style="yellow",
        )
    _tell_saving(cfg, data, console)


def _tell_saving(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    if data.pack is None:
        return
    found = estimate_packing(data.tracks, data.source.form, data.frames, data.pack)
    if found is None or cfg.ckpt_path:  # packs would change the excerpts of a run that goes on
        return
    console.print(
        f"{found.tracks} songs are read from their audio files: {1000 * found.seconds:.0f} ms for an excerpt, and "
        f"silent regions are unknown. Packs (decoded copies) need 2 ms and {decimal(found.bytes)} on the disk: "
        f"{command_line('prepare')} {told_data(cfg)}"
    )


def told_data(cfg: TrainConfig) -> str:
    """Format the arguments that name the data set, for a command line."""
    if not HydraConfig.initialized():
        return f"data.root={cfg.data.root}"
    hydra = HydraConfig.get()
    typed = [argument for argument in hydra.overrides.task if _chooses_pack(argument)]
    return shlex.join([f"data={hydra.runtime.choices['data']}", *typed])


def _chooses_pack(argument: str) -> bool:
    """Return whether an argument decides which songs are packed, how, or where."""
    key = argument.partition("=")[0].lstrip("+")
    names = ("root", "extra", "pack", "layout", "stems", "valid_songs")
    return key.startswith(("audio", "data.source.", "paths.cache_dir")) or key in {f"data.{name}" for name in names}
