"""Small data sets of generated songs, for tests to damage."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bsroformer.data.doctor import Finding, Requirements, TrackFacts, examine_tracks, judge
from bsroformer.data.layouts import TrackFormat, find_files

RATE = 8000
STEMS = ("vocals", "drums")
FORM = TrackFormat(STEMS, RATE, 2)
Audio = NDArray[np.float64]


def sound(seed: int, seconds: float = 3.0) -> Audio:
    """Noise (t c) in notes of different loudness, unique to its seed."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    levels = np.interp(np.arange(frames), np.arange(0, frames + 800, 800), rng.uniform(0, 0.15, frames // 800 + 1))
    return levels[:, None] * rng.normal(0, 1, (frames, 2)).clip(-3, 3)


def write_song(folder: Path, seed: int, seconds: float = 3.0) -> Path:
    """A song without a fault: 16 bits, a mixture that is the sum of its stems."""
    folder.mkdir(parents=True)
    stems = {name: sound(2 * seed + number, seconds) for number, name in enumerate(STEMS)}
    for name, audio in (stems | {"mixture": sum(stems.values())}).items():
        soundfile.write(folder / f"{name}.wav", audio, RATE)
    return folder


def write_set(root: Path) -> Path:
    """A data set without a fault: A and B in train, V in valid, T in test."""
    for seed, song in enumerate(("train/A", "train/B", "valid/V", "test/T")):
        write_song(root / song, seed)
    return root


def change(path: Path, changed: Callable[[Audio], Audio], rate: int = RATE, subtype: str = "PCM_16") -> None:
    """Write a file again with other samples (t c)."""
    audio, _ = soundfile.read(path)
    soundfile.write(path, changed(audio), rate, subtype=subtype)


def examined(root: Path, form: TrackFormat = FORM, workers: int = 1) -> list[TrackFacts]:
    return list(examine_tracks(find_files(root, form.stems), form, workers))


def findings(root: Path, mend: tuple[str, ...] = (), form: TrackFormat = FORM) -> list[Finding]:
    return judge(examined(root, form), Requirements(form, excerpt=1.0, mend=mend))


def summary(root: Path, mend: tuple[str, ...] = ()) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Findings in the order of the table: severity, kind, song and stems."""
    return [(each.severity, each.kind, f"{each.split}/{each.song}", each.stems) for each in findings(root, mend)]
