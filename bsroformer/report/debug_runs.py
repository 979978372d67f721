"""Runs that only test the code: their checkpoints are not worth offering first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.run_folder import RunFolder
from bsroformer.safe_files import read_yaml

SIGNS = (
    ("callbacks", "same_batch"),  # debug=overfit_one_batch
    ("data", "overfit_songs"),  # experiment=overfit_song
    ("trainer", "fast_dev_run"),
    ("trainer", "overfit_batches"),
)
"""Group and key of what is set in such a run only."""
UNSET = ("", "null", "~", "false", "0", "0.0", "[]")


def is_debug_run(run: Path) -> bool:
    """Whether a training overfits a batch or songs on purpose, by its ``config.yaml``; without one, it does not."""
    return is_debug_config(_config_of(run))


def is_debug_config(config: Mapping[str, Any]) -> bool:
    """Whether a training's configuration overfits a batch or songs on purpose."""
    for group, key in SIGNS:
        values = config.get(group)
        value = values.get(key) if isinstance(values, dict) else None
        if value and str(value).lower() not in UNSET:
            return True
    return False


def _config_of(run: Path) -> dict[str, Any]:
    """The configuration; nothing if it cannot be read."""
    try:
        config = read_yaml(RunFolder(run).config)
    except InputError:
        return {}
    return config if isinstance(config, dict) else {}
