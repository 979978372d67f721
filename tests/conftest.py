import os
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # processes that share the cores: OpenMP's threads would spin
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.model import BandSplitRoformer, ModelSettings

STEMS = ("vocals", "drums", "bass", "other")


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test draws the same numbers, alone or among others."""
    torch.manual_seed(0)


@pytest.fixture
def tiny_tree() -> dict[str, Any]:
    """Settings of a small model as a plain tree, to be changed; its bands have three widths."""
    return {
        "stems": ["vocals", "other"],
        "sample_rate": 8000,
        "channels": 2,
        "chunk_seconds": 0.1,
        "stft": {"n_fft": 32, "hop_length": 8},
        "bands": {"layout": "fixed", "widths": [[2, 2], [1, 4], [1, 9]]},
        "trunk": {"dim": 8, "depth": 2, "heads": 2, "dim_head": 4},
        "masks": {"expansion": 2},
    }


@pytest.fixture
def tiny_model(tiny_tree: dict[str, Any]) -> BandSplitRoformer:
    return BandSplitRoformer(ModelSettings.from_dict(tiny_tree)).eval()


@pytest.fixture(scope="session")
def songs_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set like MUSDB18-HQ: songs A, B and C in train, D in test; noise, 1 s, 44.1 kHz, stereo."""
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for song in ("train/A", "train/B", "train/C", "test/D"):
        (root / song).mkdir(parents=True)
        for stem in STEMS:
            noise = rng.normal(0, 0.1, (44_100, 2))
            soundfile.write(root / song / f"{stem}.wav", noise, 44_100, subtype="FLOAT")
    return root
