"""Small data sets, and their packs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.packs import pack_tracks, plan_packs
from bsroformer.data.packs.plan import PackPlan

STEMS = ("vocals", "drums")
RATE = 8000
FORM = TrackFormat(STEMS, RATE, 2)


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (frames, channels)).astype(np.float32)


def add_song(
    root: Path, name: str, subtype: str = "PCM_16", rate: int = RATE, channels: int = 2, stems: Sequence[str] = STEMS
) -> None:
    (root / name).mkdir(parents=True)
    for number, stem in enumerate(stems):
        audio = noise(20_000, channels, number + len(name))
        soundfile.write(root / name / f"{stem}.wav", audio, rate, subtype=subtype)


def files(root: Path, **options):
    return [song for song in find_files(root, STEMS, **options) if song.split != "test"]


def packed(root: Path, pack: Path, workers: int = 1, **options) -> PackPlan:
    plan = plan_packs(files(root), FORM, pack, **options)
    outcomes = list(pack_tracks(plan, workers))
    assert [outcome.error for outcome in outcomes] == [None] * len(plan.jobs)
    return plan
