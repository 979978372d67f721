"""Files of an excerpt in ``excerpts/<method>/<song>/`` of an evaluation.

======================== ==============================================
excerpt.json             song, score, start in seconds, stems
mixture.wav              mixture
reference/<stem>.wav     true stem
estimate/<stem>.wav      estimated stem
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
FACTS = "excerpt.json"
MIXTURE = "mixture.wav"
REFERENCE = "reference"
ESTIMATE = "estimate"


@dataclass(frozen=True)
class Excerpt:
    """An excerpt of a song.

    Attributes:
        folder: Folder of its files.
        song: Name of the song.
        score: Score of the whole song, in dB, that ranks it.
        begins: Start of the excerpt in the song, in seconds.
        stems: Names of the stems.
    """

    folder: Path
    song: str
    score: float
    begins: float
    stems: tuple[str, ...]

    @property
    def rank(self) -> tuple[float, str]:
        """Order of songs; equal scores by name."""
        return self.score, self.song

    def write(self, mixture: Tensor, references: Tensor, estimates: Tensor, sample_rate: int) -> None:
        """Write the files into its folder, without clipping samples beyond full scale.

        Args:
            mixture: Mixture, (c t).
            references: True stems, (n c t).
            estimates: Estimated stems, (n c t).
            sample_rate: Hz.

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
        """Read mixture (c t), references and estimates (n c t), and the sample rate.

        Raises:
            InputError: If a file is missing or damaged.
        """
        mixture, rate = read(self.folder / MIXTURE)
        return mixture, self._stems(REFERENCE), self._stems(ESTIMATE), rate

    def _stems(self, kind: str) -> Tensor:
        return torch.stack([read(self.folder / kind / f"{stem}.wav")[0] for stem in self.stems])


def find_excerpts(folder: Path) -> list[Excerpt]:
    """Find the excerpts of a method's folder, from the worst to the best.

    It is empty without the folder.
    """
    excerpts = []
    for path in folder.glob(f"*/{FACTS}"):
        if not path.parent.name.startswith("."):  # one is being written
            facts = json.loads(path.read_text("utf-8"))
            excerpts.append(Excerpt(path.parent, facts["song"], facts["score"], facts["begins"], tuple(facts["stems"])))
    return sorted(excerpts, key=lambda excerpt: excerpt.rank)


def worst_and_best(ranked: Sequence[T]) -> tuple[list[T], list[T]]:
    """Split songs, from worst to best, into halves: worst first, and best first."""
    half = -(-len(ranked) // 2)
    return list(ranked[:half]), list(ranked[half:])[::-1]
