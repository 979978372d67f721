"""Settings of small benchmarks of training steps."""

from functools import partial
from typing import Any

import torch

from bsroformer.losses import MultiDomainLoss

ADAMW = partial(torch.optim.AdamW, lr=1e-3)
WIDTHS = [[24, 2], [12, 4], [8, 12], [8, 24], [8, 48], [1, 128], [1, 129]]


def step_settings(tree: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Arguments of a benchmark of one short step of a model."""
    return {
        "settings": tree,
        "loss": MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16),
        "optimizer": ADAMW,
        "seconds": 0.05,
        "batch_size": 1,
        "repeats": 1,
        "device": "cpu",
        "precision": "fp32",
        **changes,
    }


def with_paper_bands(tree: dict[str, Any]) -> dict[str, Any]:
    """Settings with the paper's bands and stems, and otherwise those of `tree`."""
    return {
        **tree,
        "stems": ["vocals", "drums", "bass", "other"],
        "bands": {"layout": "fixed", "widths": WIDTHS},
        "stft": {"n_fft": 2048, "hop_length": 512},
    }
