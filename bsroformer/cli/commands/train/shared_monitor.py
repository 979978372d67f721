"""The monitor that all parts of a run share."""

from typing import Any

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.report.monitor import check_monitor, monitor_of

MONITORING = ("candidates", "curves", "progress", "prune")
"""Callbacks of this program that take a monitor; older configurations give them none."""


def with_monitor(cfg: TrainConfig) -> TrainConfig:
    """Set one monitor for checkpoints, pruning, schedule and table.

    A ``callbacks.best_checkpoint.monitor`` of the command line or of an older run is the monitor of all.

    Raises:
        InputError: If a monitor is not a score of validation.
    """
    monitor = monitor_of(cfg.tree).name
    callbacks = cfg.callbacks or {}
    for name in (cfg.monitor, monitor):
        check_monitor("monitor", name, cfg.settings.stems)
    values: dict[str, Any] = {"monitor": monitor}
    for name, callback in callbacks.items():
        own = callback.arguments.get("monitor")
        if name in MONITORING:
            values[f"callbacks.{name}.monitor"] = monitor
        elif str(own or "").startswith("val/"):
            check_monitor(f"callbacks.{name}.monitor", own, cfg.settings.stems)
    return cfg.replaced(values)
