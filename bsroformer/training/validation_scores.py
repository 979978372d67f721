"""Scores of validation pieces whose excerpts come one by one, in any order and on any rank."""

import torch
from torch import Tensor
from torchmetrics import Metric

from bsroformer.audio.activity import is_active
from bsroformer.metrics import energy, inner_product, sdr_of_energies, si_sdr_of_energies, sum_over_blocks

SCORES = ("si_sdr", "sdr")
"""Names of the scores of a piece."""


class PieceScores(Metric):
    """SI-SDR and SDR of each piece as if it had been scored in one: both are functions of sums over samples.

    Args:
        pieces: Number of pieces.
        stems: Number of stems.
        dtype: Of the sums; less than float64 loses precision above some 60 dB.
    """

    sums: Tensor
    """Energies of target, estimate and error, and the inner product of the first two, (4 pieces n)."""
    samples: Tensor
    """Samples of all channels together in each piece, (pieces 1)."""

    def __init__(self, pieces: int, stems: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(4, pieces, stems, dtype=dtype), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros(pieces, 1, dtype=dtype), dist_reduce_fx="sum")

    def update(self, estimates: Tensor, targets: Tensor, pieces: Tensor, frames: Tensor) -> None:
        """Add excerpts.

        Args:
            estimates: Estimated stems, (b n c t).
            targets: True stems, (b n c t).
            pieces: The piece of each excerpt, (b).
            frames: How many samples of each excerpt count, (b); the rest is padding.
        """
        counts = torch.arange(targets.shape[-1], device=targets.device) < frames[:, None, None, None]  # (b 1 1 t)
        self.sums = self.sums.index_add(1, pieces, sum_over_blocks(self._sums, estimates, targets, counts))
        samples = (targets.shape[-2] * frames).to(self.samples.dtype)
        self.samples = self.samples.index_add(0, pieces, samples[:, None])

    def active_stems(self) -> list[bool]:
        """Whether each stem is active in any piece, on any rank; all ranks must call it."""
        with self.sync_context(should_sync=self._to_sync):
            active: list[bool] = is_active(self.sums[0], self.samples).any(0).tolist()
        return active

    def compute(self) -> dict[str, Tensor]:
        """SI-SDR and SDR in dB, (pieces n); NaN where a stem is not active in the piece."""
        target, estimate, error, product = self.sums
        scores = si_sdr_of_energies(target, estimate, product), sdr_of_energies(target, error)
        active = is_active(target, self.samples)
        return {name: db.where(active, torch.nan) for name, db in zip(SCORES, scores, strict=True)}

    def _sums(self, estimates: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """What is added up, of one block: (b n c t), (b n c t), (b 1 1 t) -> (4 b n)."""
        estimates, targets = (torch.where(counts, signal, 0).to(self.sums.dtype) for signal in (estimates, targets))
        products = inner_product(estimates, targets)
        return torch.stack([energy(targets), energy(estimates), energy(targets - estimates), products])
