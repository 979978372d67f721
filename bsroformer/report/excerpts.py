"""``excerpts/<method>/<song>/`` of an evaluation: what can be heard of its worst and best songs.

======================== ==============================================
excerpt.json             song, score, where it begins, stems
mixture.wav              what was separated
reference/<stem>.wav     what the stem should be
estimate/<stem>.wav      what it was taken for
======================== ==============================================
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from bsroformer.audio.files import read, write

T = TypeVar("T")
FACTS, MIXTURE, REFERENCE, ESTIMATE = "excerpt.json", "mixture.wav", "reference", "estimate"


@dataclass(frozen=True)
class Excerpt:
    """An excerpt of a song.

    Attributes:
        folder: Where its files are.
        song: Name of the song.
        score: Of the whole song, in dB, by which it is among the worst or the best.
        begins: Where the excerpt begins, in seconds.
        stems: Names of the stems.
    """

    folder: Path
    song: str
    score: float
    begins: float
    stems: tuple[str, ...]

    @property
    def rank(self) -> tuple[float, str]:
        """What songs are ordered by; equal scores by their names."""
        return self.score, self.song

    def write(self, mixture: Tensor, references: Tensor, estimates: Tensor, sample_rate: int) -> None:
        """Write the files into its folder: samples as they are, also those beyond full scale.

        Args:
            mixture: The excerpt of what was separated, (c t).
            references: Of the true stems, (n c t).
            estimates: Of the estimates, (n c t).
            sample_rate: In Hz.

        Raises:
            InputError: If they cannot be written.
        """
        write(self.folder / MIXTURE, mixture, sample_rate)
        for kind, signals in ((REFERENCE, references), (ESTIMATE, estimates)):
            for stem, signal in zip(self.stems, signals, strict=True):
                write(self.folder / kind / f"{stem}.wav", signal, sample_rate)
        facts = {"song": self.song, "score": self.score, "begins": self.begins, "stems": list(self.stems)}
        (self.folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def read(self) -> tuple[Tensor, Tensor, Tensor, int]:
        """What was given to `write`: mixture (c t), references and estimates (n c t), sample rate.

        Raises:
            InputError: If a file is missing or damaged.
        """
        mixture, rate = read(self.folder / MIXTURE)
        kinds = (
            torch.stack([read(self.folder / kind / f"{stem}.wav")[0] for stem in self.stems])
            for kind in (REFERENCE, ESTIMATE)
        )
        references, estimates = kinds
        return mixture, references, estimates, rate


def find_excerpts(folder: Path) -> list[Excerpt]:
    """The excerpts of a method's folder from the worst to the best; none if there is no such folder."""
    found = []
    for path in folder.glob(f"*/{FACTS}"):
        if not path.parent.name.startswith("."):  # one that is being written
            facts = json.loads(path.read_text("utf-8"))
            found.append(Excerpt(path.parent, facts["song"], facts["score"], facts["begins"], tuple(facts["stems"])))
    return sorted(found, key=lambda excerpt: excerpt.rank)


def worst_and_best(ranked: Sequence[T]) -> tuple[list[T], list[T]]:
    """Of songs from the worst to the best, the one half, worst first, and the other, best first."""
    half = -(-len(ranked) // 2)
    return list(ranked[:half]), list(ranked[half:])[::-1]
