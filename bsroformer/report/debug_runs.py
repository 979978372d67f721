"""Detection of runs that only test the code, whose checkpoints are offered last."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.run_folder import RunFolder
from bsroformer.safe_files import read_yaml

DEBUG_KEYS = (
    ("callbacks", "same_batch"),  # debug=overfit_one_batch
    ("data", "overfit_songs"),  # experiment=overfit_song
    ("trainer", "fast_dev_run"),
    ("trainer", "overfit_batches"),
)
"""Groups and keys that are set only in such a run."""
UNSET_VALUES = ("", "null", "~", "false", "0", "0.0", "[]")


def is_debug_run(run: Path) -> bool:
    """Check for a training that overfits on purpose, by its ``config.yaml``.

    It is False without the file.
    """
    return is_debug_config(_config_of(run))


def is_debug_config(config: Mapping[str, Any]) -> bool:
    """Check for a configuration that overfits a batch or songs on purpose."""
    for group, key in DEBUG_KEYS:
        values = config.get(group)
        value = values.get(key) if isinstance(values, dict) else None
        if value and str(value).lower() not in UNSET_VALUES:
            return True
    return False


def _config_of(run: Path) -> dict[str, Any]:
    """Read the configuration; empty if it cannot be read."""
    try:
        config = read_yaml(RunFolder(run).config)
    except InputError:
        return {}
    return config if isinstance(config, dict) else {}
