"""Settings of small benchmarks of training steps and of trainings."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import TrainingSetup
from benchmarks.learning_peers import CONSTANT
from bsroformer.data.sources import FolderSource
from bsroformer.losses import MultiDomainLoss
from support.augments import augment

STEMS = ("vocals", "drums", "bass", "other")
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


def with_wide_bands(tree: dict[str, Any]) -> dict[str, Any]:
    """Settings with two bands of a usual spectrum and rate, and otherwise those of `tree`."""
    spectrum = {"stft": {"n_fft": 2048, "hop_length": 512}}
    bands = {"bands": {"layout": "fixed", "widths": [[1, 256], [1, 769]]}}
    return {**tree, **spectrum, **bands, "stems": list(STEMS), "sample_rate": 44_100}


def training_setup(tree: dict[str, Any], songs: Path, **changes: Any) -> TrainingSetup:
    """A training of a model on short excerpts of the songs of a folder."""
    usual: dict[str, Any] = {
        "settings": with_wide_bands(tree),
        "loss": MultiDomainLoss(0.5, 0.3, 0.1, n_fft=512, hop_length=512, sdr=0.1),
        "optimizer": partial(torch.optim.AdamW, lr=1e-3),
        "scheduler": CONSTANT,
        "clip": 1.0,
        "source": FolderSource(str(songs), "folders", ["B"], [], STEMS, 44_100, 2),
        "augment": augment(unmixed=1.0, active_db=None),
        "seconds": 0.1,
        "batch_size": 1,
        "epoch_size": 8,
        "valid_per_song": 2,
        "valid_seconds": 0.2,
        "precision": "fp32",
    }
    return TrainingSetup(**{**usual, **changes})
