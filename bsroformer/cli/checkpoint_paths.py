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
    given = {key: getattr(cfg, key) for key in cfg.may_name_runs}
    named = {key: _named(value, key) for key, value in given.items()}
    return {key: value for key, value in named.items() if value != given[key]}


def _named(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return [_named(each, key) for each in value]
    if isinstance(value, dict):
        return {name: _named(each, f"{key}.{name}") for name, each in value.items()}
    if value is None or is_on_hub(value):
        return value
    path = Path(value)
    found = weights_of(path)
    if found == path:
        return value
    terminal().print(f"{key}={value}: {found.relative_to(path) if found.is_relative_to(path) else found} is used.")
    return str(found)
