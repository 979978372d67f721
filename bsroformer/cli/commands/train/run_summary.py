"""Print a summary of a training before it starts: model, songs and how they are read."""

import shlex
from collections.abc import Iterator

from hydra.core.hydra_config import HydraConfig
from rich.console import Console
from rich.filesize import decimal

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.resolved_config import AUTO
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.layouts import UNKNOWN
from bsroformer.data.layouts.flat import is_flat
from bsroformer.data.packs import estimate_packing
from bsroformer.invocation import command_line
from bsroformer.models.abilities import RecomputesBlocks
from bsroformer.text import count, listed

PACK_KEYS = (
    "data.root",
    "data.extra",
    "data.extra_weight",
    "data.pack",
    "data.layout",
    "data.stems",
    "data.stem_map",
    "data.missing",
    "data.valid_songs",
)
"""Keys that decide which songs are packed, how, or where."""


def list_songs(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    """List the songs of the data set."""
    folder = f" in {cfg.data.root}" if cfg.data.root else ""
    console.print(f"Reading the list of songs{folder}")
    data.prepare_data()
    data.setup("fit")


def print_summary(run: TrainingRun) -> None:
    """Print the model, the songs and the run folder of a training."""
    cfg = run.cfg
    model = run.module.model
    data = run.data
    print_line = run.console.print
    parameters = sum(parameter.numel() for parameter in run.module.parameters())
    others = [stem for stem in cfg.data.stems if stem not in model.stems]
    if len(model.stems) < len(cfg.data.stems):
        print_line(f"The model separates {', '.join(model.stems)}; only mixtures contain {', '.join(others)}")
    train = count(len(data.tracks.train), "song")
    print_line(f"{train} to train on, {len(data.tracks.valid)} to validate, {len(data.test_files)} to test")
    report_data_source(cfg, data, run.console)
    folder = "no run folder (fast_dev_run)" if cfg.is_rehearsal else f"run folder {run.folder}"
    print_line(f"{parameters / 1e6:.1f} M parameters; {folder}")
    _print_steps(run)


def _print_steps(run: TrainingRun) -> None:
    """Print the recomputed blocks, and the excerpts of a step over all processes."""
    cfg = run.cfg
    trainer = run.trainer
    model = run.module.model
    is_automatic = cfg.activation_checkpointing == AUTO and cfg.trainer.accelerator != "cpu"
    if is_automatic and isinstance(model, RecomputesBlocks):
        blocks = f"{model.recomputed_blocks} of {len(model.recomputable_blocks)} blocks"
        run.console.print(f"activation_checkpointing=auto recomputes {blocks} in the backward pass")
    if trainer.world_size > 1:
        excerpts = cfg.data.batch_size * trainer.accumulate_grad_batches * trainer.world_size
        run.console.print(f"{trainer.world_size} processes; a step of the optimiser has {excerpts} excerpts")


def report_data_source(cfg: TrainConfig, data: StemsDataModule, console: Console) -> None:
    """Print where songs are read from: packs, files, or both."""
    songs = data.tracks
    if data.unnamed:
        console.print(
            f"The songs also have {listed(data.unnamed)}, not named in data.stems; mixtures are made without them",
            style="yellow",
        )
    for line in known_stems(data):
        console.print(line)
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


def known_stems(data: StemsDataModule) -> Iterator[str]:
    """Describe how many songs know each stem, if some songs have unknown ones."""
    songs = data.tracks.train
    partial = [song for song in songs if UNKNOWN in song.stems]
    if not partial:
        return
    counts = {stem: len([song for song in songs if stem in song.stems]) for stem in data.source.form.stems}
    phrases = [f"{stem} in {number}" for stem, number in counts.items()]
    yield f"{len(partial)} of {count(len(songs), 'song')} have unknown stems; known are {', '.join(phrases)}"
    never = [stem for stem, number in counts.items() if not number]
    if never:
        yield f"No song to train on knows {listed(never)}; only sums that contain them are trained"


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
