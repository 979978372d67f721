"""A small model with Spectral Feature Compression."""

from typing import Any

import torch

from bsroformer.models.spectral_compression import CompressionModelSettings, SpectralCompression

# Overrides of a command, to make the demo's model small.
SMALL_MODEL = (
    "model=sfc_tiny",
    "model.compression.bands=4",
    "model.compression.dim=4",
    "model.compression.heads=1",
    "model.compression.hidden=4",
    "model.trunk.dim=8",
    "model.trunk.depth=1",
    "model.trunk.heads=2",
    "model.trunk.dim_head=4",
    "model.trunk.hidden=8",
    "model.trunk.kernel=3",
)


def tree(**changes: Any) -> dict[str, Any]:
    """Plain settings of a small model; a dictionary changes some keys of a group."""
    plain: dict[str, Any] = {
        "architecture": "spectral_compression",
        "stems": ["vocals", "other"],
        "sample_rate": 8000,
        "channels": 2,
        "chunk_seconds": 0.1,
        "stft": {"n_fft": 32, "hop_length": 8},
        "compression": {"bands": 5, "dim": 8, "heads": 2, "hidden": 10},
        "trunk": {"dim": 8, "depth": 2, "heads": 2, "dim_head": 4, "hidden": 12, "kernel": 4},
    }
    for key, value in changes.items():
        plain[key] = plain[key] | value if isinstance(value, dict) else value
    return plain


def small(**changes: Any) -> SpectralCompression:
    """Build a small model in evaluation mode."""
    torch.manual_seed(0)
    return SpectralCompression(CompressionModelSettings.model_validate(tree(**changes))).eval()
