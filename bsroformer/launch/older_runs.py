"""Keys that the configuration of an older run lacks, with the values that it was trained by."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

FORMER_VALUES: dict[str, Any] = {"tags": [], "float32_matmul_precision": "highest", "card_memory_gb": None}
"""Top-level keys of ``configs/train.yaml`` that came later; ``monitor`` has a rule of its own."""
FORMER_PROGRESS = "lightning.pytorch.callbacks.RichProgressBar"
PROGRESS = "bsroformer.training.callbacks.progress.RunProgress"


def with_present_progress(tree: dict[str, Any]) -> dict[str, Any]:
    """A run's configuration with this program's progress callback in place of Lightning's, which it had before."""
    callbacks = tree.get("callbacks")
    progress = callbacks.get("progress") if isinstance(callbacks, dict) else None
    if not isinstance(progress, dict) or progress.get("_target_") != FORMER_PROGRESS:
        return tree
    return {**tree, "callbacks": {**tree["callbacks"], "progress": {"_target_": PROGRESS}}}


def completed(cfg: DictConfig) -> DictConfig:
    """The configuration with every key; `cfg` itself if none is missing."""
    missing = {key: value for key, value in FORMER_VALUES.items() if key not in cfg}
    if not missing:
        return cfg
    cfg = cfg.copy()
    OmegaConf.set_readonly(cfg, False)
    for key, value in missing.items():
        OmegaConf.update(cfg, key, value, force_add=True)
    OmegaConf.set_readonly(cfg, True)
    return cfg
