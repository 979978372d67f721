"""Linear maps of one shape for many bands, computed in a single batched matmul."""

import math
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.low_rank import LowRank, LowRankForm, low_rank_form


class BandLinear(nn.Module):
    """``y[k] = W[k] x[k] + b[k]`` for all bands ``k`` of one width at once.

    A Python loop over bands launches a small matmul for each band, forward and backward; this launches one.

    Args:
        bands: Number of inputs ``k`` (bands of one width, or bands times stems).
        dim_in: Features in.
        dim_out: Features out.
        fan_out: Maps that read each input, for example one for each stem.
    """

    def __init__(self, bands: int, dim_in: int, dim_out: int, fan_out: int = 1) -> None:
        super().__init__()
        self.fan_out = fan_out
        self.weight = nn.Parameter(torch.empty(bands, fan_out * dim_out, dim_in))
        self.bias = nn.Parameter(torch.empty(bands, fan_out * dim_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases as ``nn.Linear``: uniform within ``dim_in ** -0.5``."""
        bound = 1 / math.sqrt(self.weight.shape[-1])
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(k d x)`` to ``(kn e x)``; `x` are any flattened axes, `n` is the fan-out.

        Features precede them, so that the weight is multiplied in its own memory layout: autograd need not copy its
        gradient, and stems are separated by a view.
        """
        y = torch.baddbmm(self.bias.unsqueeze(2), self.weight, x)
        return rearrange(y, "k (n e) x -> (k n) e x", n=self.fan_out)

    def weights_of(self, maps: Sequence[int], count: int) -> dict[str, Tensor]:
        """Select the weights of some maps of each band: ``(k n e d)`` indexed along `n`.

        Args:
            maps: Indices of a band's maps.
            count: Number of a band's maps.

        Returns:
            Weight and bias, by their names in this layer and in its layout.
        """
        axes = "k (n e) ..." if self.fan_out > 1 else "(k n) e ..."
        separate = "k n e ..."
        selected = {}
        for name, weight in self.state_dict().items():
            by_map = rearrange(weight, f"{axes} -> {separate}", n=count)
            selected[name] = rearrange(by_map[:, list(maps)], f"{separate} -> {axes}")
        return selected


class LowRankBandLinear(LowRank, BandLinear):
    """A `BandLinear` with an update of each band's map: `lora_a` is ``(k r d)``, `lora_b` ``(k ne r)``."""

    plain = BandLinear

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(k d x)`` to ``(kn e x)``."""
        reduced = self.scale * torch.bmm(self.lora_a, x)  # (k r x)
        update = torch.bmm(self.lora_b, reduced)
        return super().forward(x) + rearrange(update, "k (n e) x -> (k n) e x", n=self.fan_out)

    def delta(self) -> Tensor:
        """Compute the update of the weight."""
        return self.scale * (self.lora_b @ self.lora_a)


@low_rank_form.register
def _(layer: BandLinear, rank: int) -> LowRankForm:
    bands, rows, columns = layer.weight.shape
    return LowRankForm(LowRankBandLinear, (bands, rank, columns), (bands, rows, rank), fan_in=columns)
