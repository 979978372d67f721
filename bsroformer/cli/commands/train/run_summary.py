"""Print a summary of a training before it starts."""

from rich.console import Console

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.data_report import report_data_source
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.resolved_config import AUTO
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.models.abilities import RecomputesBlocks
from bsroformer.text import count


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
