"""Look into a checkpoint or write it in another form: ``scripts/checkpoint.py``."""

from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.save import save_model, save_public, save_weights_alone
from bsroformer.errors import InputError
from bsroformer.launch.build import opened_checkpoint
from bsroformer.launch.config import prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.inspection import print_inspection, write_model_config
from bsroformer.launch.terminal import terminal


@user_errors
def checkpoint(cfg: DictConfig) -> None:
    """Do with a checkpoint what ``action`` says.

    Args:
        cfg: ``configs/checkpoint.yaml``, composed.
    """
    cfg = prepared(cfg)
    if cfg.action not in ACTIONS:
        raise InputError(f"action={cfg.action} is none of {', '.join(ACTIONS)}")
    console = terminal()
    opened = opened_checkpoint(cfg.ckpt, cfg.config, cfg.sha256, console)
    ACTIONS[cfg.action](opened, cfg, console)


def inspect(opened: Checkpoint, cfg: DictConfig, console: Console) -> None:
    """Print what the checkpoint is; with ``output``, also write its architecture as a file for ``configs/model/``."""
    print_inspection(opened, console)
    if cfg.output:
        path = _free(Path(cfg.output), cfg.overwrite)
        write_model_config(opened, path)
        console.print(f"The architecture is in {path}: train it with model={path.stem}, once it lies in configs/model/")


def convert(opened: Checkpoint, cfg: DictConfig, console: Console) -> None:
    """Write one ``.safetensors`` file that describes itself."""
    path = _target(cfg, opened, ".safetensors")
    save_model(opened.model(), path, f"{opened.file.path.name}, {opened.origin}")
    console.print(f"{path} is the model in one file: ckpt={path}")


def export(opened: Checkpoint, cfg: DictConfig, console: Console) -> None:
    """Write weights and YAML as the public BS-/Mel-Band RoFormer code reads them."""
    path = _target(cfg, opened, "_public.ckpt")
    _free(path.with_suffix(".yaml"), cfg.overwrite)
    config = save_public(opened.model(), path)
    console.print(f"{path} and {config} are the model as the public BS-/Mel-Band RoFormer code reads it")


def strip(opened: Checkpoint, cfg: DictConfig, console: Console) -> None:
    """Write the weights without what only a trainer needs."""
    path = _target(cfg, opened, "_weights.ckpt")
    save_weights_alone(opened, path)
    before, after = (each.stat().st_size / 1e6 for each in (opened.file.path, path))
    averaged = ", averaged over training (EMA)" if opened.averaged else ""
    console.print(f"{path} holds the weights alone{averaged}: {after:.1f} MB of {before:.1f}")


ACTIONS: dict[str, Callable[[Checkpoint, DictConfig, Console], None]] = {
    "inspect": inspect,
    "convert": convert,
    "export": export,
    "strip": strip,
}


def _target(cfg: DictConfig, opened: Checkpoint, ending: str) -> Path:
    """Where to write: ``output``, or a name made of the checkpoint's in the current folder."""
    return _free(Path(cfg.output or f"{opened.file.path.stem}{ending}"), cfg.overwrite)


def _free(path: Path, overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already: give another output=..., or set overwrite=true")
    return path
