"""Check the tree that Hydra composes against a command's schema."""

from importlib import import_module
from typing import TypeVar, cast

from omegaconf import DictConfig

from bsroformer.cli.resolved_config import composed_trees, load_environment
from bsroformer.cli.schemas.config import Config, message
from bsroformer.errors import InputError

C = TypeVar("C", bound=Config)
SCHEMAS = {
    "train": "train.TrainConfig",
    "check_gpu": "check_gpu.CheckGpuConfig",
    "prepare": "prepare.PrepareConfig",
    "separate": "separate.SeparateConfig",
    "eval": "evaluate.EvaluateConfig",
    "app": "studio.StudioConfig",
    "checkpoint": "checkpoint.CheckpointConfig",
    "benchmark": "benchmark.BenchmarkConfig",
}
"""By ``task``, the folder of a command and the class of its configuration."""


def schema_of(command: str) -> type[Config]:
    """Return the class of a command's configuration."""
    folder, name = SCHEMAS[command].split(".")
    module = import_module(f"bsroformer.cli.commands.{folder}.config")
    return cast(type[Config], getattr(module, name))


def configuration(command: str, cfg: DictConfig) -> Config:
    """Check a command's own keys; nothing heavy is imported.

    Raises:
        InputError: Naming each wrong key, its value and the allowed values.
    """
    load_environment()
    return schema_of(command).checked(*composed_trees(cfg))


def prepared(cfg: C) -> C:
    """Check component arguments, and resolve run folders to checkpoint files.

    Imports the classes that it names.

    Raises:
        InputError: Naming each wrong key, its value and the allowed values; or if a run has no checkpoint.
    """
    from bsroformer.cli.checkpoint_sources import checkpoint_files
    from bsroformer.cli.schemas.arguments import argument_faults

    faults = argument_faults(cfg)
    if faults:
        raise InputError(message(faults, cfg.written))
    files = checkpoint_files(cfg)
    return cfg.replaced(files) if files else cfg
