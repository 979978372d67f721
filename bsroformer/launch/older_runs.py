"""Keys that the configuration of an older run lacks, with the values that it was trained by."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

FORMER_VALUES: dict[str, Any] = {"tags": [], "float32_matmul_precision": "highest", "card_memory_gb": None}
"""Top-level keys of ``configs/train.yaml`` that came later; ``monitor`` has a rule of its own."""


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
