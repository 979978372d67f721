"""Status of a run: finished, running, stopped or failed; or one that only tests the code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bsroformer.errors import InputError
from bsroformer.report.provenance import whole_number
from bsroformer.run_folder import TRAINING_LOCK, RunFolder
from bsroformer.safe_files import read_yaml

FINISHED = "finished"
STOPPED = "stopped"
"""Also the status of a killed training, which has recorded no end."""
FAILED = "failed"
RUNNING = "running"
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


def status_of(folder: Path, start: Mapping[str, Any], steps: int, config: Mapping[str, Any]) -> str:
    """Find the status of a training.

    A process holds the lock in the folder of a running one.

    Args:
        folder: Folder of the run.
        start: Its latest start.
        steps: Its steps so far.
        config: Its configuration; a run of an earlier version with all of its steps is finished.
    """
    end = start.get("end")
    if end in (FINISHED, STOPPED, FAILED):
        return str(end)
    if is_locked(folder / TRAINING_LOCK):
        return RUNNING
    trainer = config.get("trainer")
    total = whole_number(trainer.get("max_steps")) if isinstance(trainer, dict) else 0
    return FINISHED if 0 < total <= steps else STOPPED


def is_locked(lock: Path) -> bool:
    """Check that another process, or another part of this one, holds a lock.

    A link is not followed.
    """
    if not lock.is_file() or lock.is_symlink():
        return False
    try:
        with FileLock(lock).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
