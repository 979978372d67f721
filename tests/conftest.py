import logging
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # processes that share the cores: OpenMP's threads would spin
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import huggingface_hub
import numpy as np
import pytest
import soundfile
import torch
from huggingface_hub import constants
from hydra.core.global_hydra import GlobalHydra

from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.fake_hub import FakeHub, fake_hub
from support.launched import REPOSITORY, Script, blank_pictures
from support.parsed_once import parsed_once

STEMS = ("vocals", "drums", "bass", "other")


@pytest.fixture(autouse=True)
def seed() -> None:
    """Seed every test alike, so that its order in the run does not matter."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def fast_composition() -> Iterator[None]:
    """See `parsed_once`."""
    with parsed_once():
        yield


@pytest.fixture
def tiny_tree() -> dict[str, Any]:
    """Plain settings of a small model with bands of three widths, for tests to change."""
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
    """Data set like MUSDB18-HQ: noise of 1 s, A, B and C in train, D in test."""
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for song in ("train/A", "train/B", "train/C", "test/D"):
        (root / song).mkdir(parents=True)
        for stem in STEMS:
            noise = rng.normal(0, 0.1, (44_100, 2))
            soundfile.write(root / song / f"{stem}.wav", noise, 44_100, subtype="FLOAT")
    return root


@pytest.fixture
def hub(monkeypatch) -> Iterator[FakeHub]:
    """A Hub on this machine, and a token for it."""
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with fake_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.fixture(scope="module")
def without_pictures() -> Iterator[None]:
    """See `blank_pictures`."""
    with blank_pictures():
        yield


@pytest.fixture
def one_processor(monkeypatch) -> None:
    """Let commands compute in this process instead of workers, which import PyTorch first."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)


@pytest.fixture
def script(monkeypatch, tmp_path, capfd) -> Iterator[Script]:
    """Run a script in this process in an empty folder, without Python's start-up time.

    Returns the exit status and the output.
    """
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    monkeypatch.delenv("MUSDB_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    # A logger may still write to the standard output of an earlier test, which is closed.
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def run(name: str, *overrides: str) -> tuple[int, str]:
        path = str(REPOSITORY / "scripts" / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, *overrides])
        status = 0
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            GlobalHydra.instance().clear()
        captured = capfd.readouterr()
        return status, captured.out + captured.err

    yield run
    root.handlers[:] = handlers  # Hydra puts its own in their place
    root.setLevel(level)
