"""From the configuration to the score that a run is judged by."""

from omegaconf import DictConfig, OmegaConf

from bsroformer.report.monitor import check_monitor, monitor_of

JUDGES = ("candidates", "curves", "progress", "prune")
"""Callbacks of this program that take a monitor; a configuration from before there was a choice gives them none."""


def with_monitor(cfg: DictConfig) -> DictConfig:
    """The configuration with one monitor for best checkpoint, candidates, pruning, schedule and table.

    A ``callbacks.best_checkpoint.monitor`` of its own, as the command line or an older run may have one, is the monitor
    of all.

    Raises:
        InputError: If a monitor names no score of validation.
    """
    monitor = monitor_of(cfg)
    for name in (cfg.get("monitor", monitor.name), monitor.name):
        check_monitor("monitor", name, cfg.model.stems)
    cfg = cfg.copy()
    OmegaConf.set_readonly(cfg, False)
    OmegaConf.update(cfg, "monitor", monitor.name, force_add=True)
    for name, callback in (cfg.callbacks or {}).items():
        if name in JUDGES:
            OmegaConf.update(callback, "monitor", monitor.name, force_add=True)
        elif str(callback.get("monitor") or "").startswith("val/"):
            check_monitor(f"callbacks.{name}.monitor", callback.monitor, cfg.model.stems)
    OmegaConf.set_readonly(cfg, True)
    return cfg
