"""Finished songs, for tests of their downloads."""

from pathlib import Path

import torch
from torch import Tensor

from bsroformer.audio.encoders import EncodingSpec
from bsroformer.audio.files import block_writer
from bsroformer.studio.job import Job, SeparationRequest

RATE = 8000
STEMS = ("vocals", "drums", "other")


def done_song(
    folder: Path,
    stems: Tensor | None = None,
    subtype: str = "PCM_16",
    title: str = "Song",
    names: tuple[str, ...] = STEMS,
    rate: int = RATE,
    token: str = "t" * 32,
) -> Job:
    """Write a finished song with these stems ``(n c t)``, by default noise."""
    if stems is None:
        stems = 0.2 * torch.rand(len(names), 2, 3 * RATE) - 0.1
    paths = tuple(folder / "stems" / f"{name}.wav" for name in names)
    for path, stem in zip(paths, stems, strict=True):
        with block_writer(
            path, EncodingSpec(rate, stem.shape[0], subtype, tags={"title": "Tëst", "artist": "A"})
        ) as append:
            append(stem)
    wish = SeparationRequest(folder / "upload.wav", title, "demo", names)
    return Job(token, folder, wish, state="done", files=paths, finished_at=0.0)
