"""Scores of validation pieces, added up excerpt by excerpt.

Excerpts may come in any order and on any rank.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from bsroformer.audio.activity import ACTIVE_DB, is_active
from bsroformer.metrics import energy, inner_product, sdr_of_energies, si_sdr_of_energies, sum_over_blocks


class ValidationScores(Metric):
    """SI-SDR and SDR of each piece, as if it were scored as a whole.

    Both are functions of sums over samples.

    Args:
        pieces: Number of pieces.
        stems: Number of stems.
        dtype: Type of the sums; less than float64 loses precision above some 60 dB.
    """

    sums: Tensor
    """Energies of target, estimate and error, and the inner product of the first two, (4 pieces n)."""
    samples: Tensor
    """Samples of all channels together in each piece, (pieces 1)."""

    def __init__(self, pieces: int, stems: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        sums = torch.zeros(4, pieces, stems, dtype=dtype)
        samples = torch.zeros(pieces, 1, dtype=dtype)
        self.add_state("sums", sums, dist_reduce_fx="sum")
        self.add_state("samples", samples, dist_reduce_fx="sum")

    def update(self, estimates: Tensor, targets: Tensor, pieces: Tensor, frames: Tensor) -> None:
        """Add excerpts.

        Args:
            estimates: Estimated stems, (b n c t).
            targets: True stems, (b n c t).
            pieces: The piece of each excerpt, (b).
            frames: Samples of each excerpt that count, (b); the others are padding.
        """
        channels, length = targets.shape[-2:]
        positions = torch.arange(length, device=targets.device)
        lengths = frames.view(-1, 1, 1, 1)
        counts = positions < lengths  # (b 1 1 t)
        sums = sum_over_blocks(self._sums, estimates, targets, counts)  # (4 b n)
        self.sums = self.sums.index_add(1, pieces, sums)
        samples = channels * frames.to(self.samples.dtype)  # (b)
        self.samples = self.samples.index_add(0, pieces, samples.unsqueeze(1))

    def silent_stems(self, stems: Sequence[str]) -> list[str]:
        """Return the stems that are active in no piece, on any rank.

        All ranks must call it.
        """
        with self.sync_context(should_sync=self._to_sync):
            target = self.sums[0]
            active = is_active(target, self.samples)  # (pieces n)
            in_any_piece = active.any(0).tolist()
        return [stem for stem, is_active in zip(stems, in_any_piece, strict=True) if not is_active]

    def compute(self) -> dict[str, Tensor]:
        """SI-SDR and SDR in dB, (pieces n); NaN where a stem is not active in the piece."""
        target, estimate, error, product = self.sums
        active = is_active(target, self.samples)
        si_sdr = si_sdr_of_energies(target, estimate, product)
        sdr = sdr_of_energies(target, error)
        return {
            "si_sdr": si_sdr.where(active, torch.nan),
            "sdr": sdr.where(active, torch.nan),
        }

    def means(self, stems: Sequence[str]) -> dict[str, Tensor]:
        """Average ``<metric>_<stem>`` over pieces, and these over stems as ``<metric>``."""
        named: dict[str, Tensor] = {}
        for metric, scores in self.compute().items():
            by_piece = scores.view(-1, len(stems))  # torchmetrics removes the axes of a single number
            means = by_piece.nanmean(0).float()  # (n)
            for stem, mean in zip(stems, means, strict=True):
                named[f"{metric}_{stem}"] = mean
            named[metric] = means.nanmean()
        return named

    def _sums(self, estimates: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The sums of one block: (b n c t), (b n c t), (b 1 1 t) -> (4 b n)."""
        dtype = self.sums.dtype
        estimates = torch.where(counts, estimates, 0).to(dtype)
        targets = torch.where(counts, targets, 0).to(dtype)
        sums = [
            energy(targets),
            energy(estimates),
            energy(targets - estimates),
            inner_product(estimates, targets),
        ]
        return torch.stack(sums)


def warn_without_score(silent: Sequence[str], stems: Sequence[str]) -> None:
    """Warn of stems that are active in no validation piece."""
    which = "any stem" if len(silent) == len(stems) else ", ".join(silent)
    warnings.warn(
        f"Validation has no score for {which}: unknown, or below {ACTIVE_DB:g} dBFS, throughout the validation songs; "
        "choose songs in which it sounds (data.valid_songs, or the folder valid/)",
        stacklevel=1,
    )
