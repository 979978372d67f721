"""Load initial weights from another model."""

from rich.console import Console

from bsroformer.checkpoints.warm_start import start_from
from bsroformer.cli.checkpoint_sources import opened_checkpoint
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.models import SeparationModel


def start_from_weights(cfg: TrainConfig, model: SeparationModel, console: Console) -> None:
    """Copy the weights of the checkpoint that ``init_from`` names.

    Prints the copied weights; without ``init_from``, or for a resumed run, nothing is copied.
    """
    if cfg.init_from is None or cfg.ckpt_path:
        return
    source = opened_checkpoint(cfg.init_from, cfg.init_config, cfg.init_sha256, console).model()
    start = start_from(model, source, cfg.init_from)
    console.print(f"From {cfg.init_from}: {start}")
    if start.fresh:
        console.print(f"It separates {', '.join(source.stems)}, and this run {', '.join(model.stems)}.")
    for change in start.changed:
        console.print(f"The same weights compute something else here: {change}.", style="yellow")
