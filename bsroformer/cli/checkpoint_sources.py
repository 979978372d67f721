"""Find and open the checkpoints that a configuration names.

Importing this module loads nothing of training or separation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from bsroformer.checkpoints import Checkpoint, open_checkpoint
from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.cli.console import terminal
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import CheckpointSource
from bsroformer.errors import InputError
from bsroformer.file_state import file_fingerprint
from bsroformer.run_folder import weights_of
from bsroformer.text import count

T = TypeVar("T")


def opened_checkpoint(
    ckpt: str, config: str | None, sha256: str | None, console: Console, base: str | None = None
) -> Checkpoint:
    """Open a checkpoint, and print the assumptions made about it."""
    opened = open_checkpoint(ckpt, config, sha256, base)
    for note in opened.notes:
        console.print(note, style="yellow")
    return opened


def open_checkpoints(source: CheckpointSource, console: Console) -> list[Checkpoint]:
    """Open checkpoints, and print the assumptions made about them.

    Raises:
        InputError: If one cannot be opened.
    """
    configs = one_for_each(source.ckpt, source.config, "config")
    digests = one_for_each(source.ckpt, source.sha256, "sha256")
    bases = one_for_each(source.ckpt, source.base, "base")
    parts = zip(source.ckpt, configs, digests, bases, strict=True)
    return [opened_checkpoint(path, config, sha256, console, base) for path, config, sha256, base in parts]


def checkpoint_fingerprints(checkpoints: Sequence[Checkpoint]) -> list[list[Any]]:
    """Fingerprint the files of each checkpoint."""
    return [list(map(file_fingerprint, checkpoint.files)) for checkpoint in checkpoints]


def one_for_each(paths: Sequence[str], values: Sequence[T | None] | None, key: str) -> Sequence[T | None]:
    """Match values with checkpoints.

    Raises:
        InputError: If there are more or fewer values than checkpoints.
    """
    values = [None] * len(paths) if values in (None, [None]) else values
    if len(values) != len(paths):
        raise InputError(
            f"{key} has {count(len(values), 'value')} for {count(len(paths), 'checkpoint')}; give one for each"
        )
    return values


def checkpoint_files(cfg: Config) -> dict[str, Any]:
    """Replace run folders by the file of their best weights.

    Prints each file that is used, and returns the changed values by key.

    Raises:
        InputError: If a folder holds none.
    """
    changed = {}
    for key in cfg.may_name_runs:
        given = getattr(cfg, key)
        resolved = _resolved(given, key)
        if resolved != given:
            changed[key] = resolved
    return changed


def _resolved(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return [_resolved(each, key) for each in value]
    if isinstance(value, dict):
        return {name: _resolved(each, f"{key}.{name}") for name, each in value.items()}
    if value is None or is_on_hub(value):
        return value
    path = Path(value)
    weights = weights_of(path)
    if weights == path:
        return value
    shown = weights.relative_to(path) if weights.is_relative_to(path) else weights
    terminal().print(f"{key}={value}: using {shown}")
    return str(weights)
