"""Resolve run folders in ``ckpt`` and ``init_from`` to checkpoint files."""

from pathlib import Path
from typing import Any

from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.cli.console import terminal
from bsroformer.cli.schemas.config import Config
from bsroformer.run_folder import weights_of


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
