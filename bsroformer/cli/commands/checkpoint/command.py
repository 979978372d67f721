"""Inspect a checkpoint or write it in another form: ``bsroformer checkpoint``."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from bsroformer.atomic import writing
from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.average import average_checkpoints, average_ledger
from bsroformer.checkpoints.native import with_raw_weights
from bsroformer.checkpoints.public_adapter import PublicAdapter
from bsroformer.checkpoints.save import (
    SAFETENSORS,
    TORCH,
    save_model,
    save_public,
    save_weights,
    save_weights_alone,
)
from bsroformer.cli.checkpoint_sources import open_checkpoints
from bsroformer.cli.commands.checkpoint.config import CheckpointConfig
from bsroformer.cli.commands.checkpoint.inspection import print_inspection, write_model_config
from bsroformer.cli.commands.checkpoint.publication import CARD, publish_checkpoint, write_card
from bsroformer.cli.console import terminal
from bsroformer.errors import InputError


def checkpoint(cfg: CheckpointConfig) -> None:
    """Run the ``action`` on a checkpoint.

    Raises:
        InputError: If there are several, and the action takes one.
    """
    console = terminal()
    opened = open_checkpoints(cfg, console)
    if cfg.weights == "raw":
        opened = [with_raw_weights(each) for each in opened]
    if cfg.action == "average":
        average(opened, cfg, console)
        return
    if len(opened) > 1:
        raise InputError(f"action={cfg.action} takes one checkpoint, and ckpt names {len(opened)}; give one")
    ACTIONS[cfg.action](opened[0], cfg, console)


def inspect(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Describe a checkpoint.

    With ``output``, also write its architecture as a file for ``configs/model/``.

    Raises:
        InputError: At the end, if the checkpoint and its YAML do not fit together.
    """
    print_inspection(opened, console)
    if opened.differences:
        raise InputError(f"{opened.file.path} differs from its configuration as listed above; give the right config=")
    if cfg.output:
        path = _free(cfg.output, cfg.overwrite)
        write_model_config(opened, path)
        console.print(f"The architecture is in {path}; copy it to configs/model/ to train it with model={path.stem}")


def convert(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Write one ``.safetensors`` file that describes itself."""
    path = _target(cfg, opened, ".safetensors", (SAFETENSORS,))
    save_model(opened.model(), path, f"{opened.file.path.name}, {opened.origin}", opened.ledger)
    console.print(f"{path} is the model in one file: ckpt={path}")


def export(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Write weights and YAML for Music-Source-Separation-Training.

    Other programs that include its models read them too.
    """
    path = _target(cfg, opened, "_public.ckpt", (*TORCH, SAFETENSORS))
    _free(path.with_suffix(".yaml"), cfg.overwrite)
    config = save_public(opened.model(), path, opened.ledger)
    console.print(
        f"{path} and {config} are for Music-Source-Separation-Training and programs with its models, such as "
        "audio-separator; the package bs-roformer takes other options"
    )


def strip(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Write the weights without a trainer's state."""
    path = _target(cfg, opened, "_weights.ckpt", TORCH)
    if opened.config:
        _free(path.with_suffix(".yaml"), cfg.overwrite)
    before = opened.file.path.stat().st_size / 1e6
    save_weights_alone(opened, path)
    averaged = ", averaged over training (EMA)" if opened.averaged else ""
    beside = f", with its YAML {path.with_suffix('.yaml')}" if opened.config else ""
    console.print(
        f"{path} holds the weights alone{averaged}: {path.stat().st_size / 1e6:.1f} MB of {before:.1f}{beside}"
    )


def merge(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Write the whole model of an adapter and its base.

    Raises:
        InputError: If the checkpoint is no adapter.
    """
    if not isinstance(opened, AdapterCheckpoint | PublicAdapter):
        raise InputError(f"{opened.file.path} is a whole model, with nothing to merge; give an adapter as ckpt=...")
    path = _target(cfg, opened, "_merged.safetensors", (*TORCH, SAFETENSORS))
    model = opened.model()
    if path.suffix == SAFETENSORS:
        save_model(model, path, f"{opened.file.path.name}, {opened.origin}, merged into its base", opened.ledger)
    else:
        save_weights(model, path, ledger=opened.ledger)
    console.print(f"{path} is the whole model: ckpt={path}")


def average(opened: Sequence[Checkpoint], cfg: CheckpointConfig, console: Console) -> None:
    """Write the mean of several checkpoints' weights.

    Raises:
        InputError: If they are not of one model.
    """
    path = _target(cfg, opened[0], "_average.ckpt", TORCH)
    save_weights(average_checkpoints(opened), path, ledger=average_ledger(opened))
    console.print(f"{path} is the average of {len(opened)} checkpoints: ckpt={path}")


def card(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Write a model card for the Hugging Face Hub."""
    write_card(opened, cfg, _free(cfg.output or Path(CARD), cfg.overwrite), console)


def publish(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Upload weights, architecture and card to a repository of the Hub."""
    publish_checkpoint(opened, cfg, console)


ACTIONS: dict[str, Callable[[Checkpoint, CheckpointConfig, Console], None]] = {
    "inspect": inspect,
    "convert": convert,
    "export": export,
    "strip": strip,
    "card": card,
    "publish": publish,
    "merge": merge,
}


def _target(cfg: CheckpointConfig, opened: Checkpoint, ending: str, suffixes: tuple[str, ...]) -> Path:
    """Return the output path, by default named after the checkpoint."""
    default = Path(f"{opened.file.path.stem}{ending}")
    path = default if cfg.output is None else cfg.output
    if path.suffix not in suffixes:
        raise InputError(f"output={path} must end in {' or '.join(suffixes)}")
    return _free(path, cfg.overwrite)


def _free(path: Path, overwrite: bool) -> Path:
    with writing(path):  # a name may be too long for the file system
        exists = path.exists()
    if exists and not overwrite:
        raise InputError(f"{path} exists already; give another output=..., or set overwrite=true")
    return path
