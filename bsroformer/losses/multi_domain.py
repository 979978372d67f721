"""Loss on magnitudes, complex spectrum, SI-SDR and SDR together."""

import torch
from torch import Tensor, nn

from bsroformer.audio.stft import Stft
from bsroformer.errors import InputError
from bsroformer.kinds import Samples, Weight
from bsroformer.losses.sdr import mean_of_counted, negative_sdr, negative_si_sdr


class MultiDomainLoss(nn.Module):
    """L1 on magnitudes, L1 on the complex spectrum, negative SI-SDR and negative SDR.

    The spectra are unscaled, so that for music both L1 terms lie around 0.1 to 0.4 where SI-SDR counts decibels (30
    down to -20): `docs/losses.md` shows the terms over a run and the effect of the weights. SI-SDR ignores
    the level of an estimate; SDR and the spectral terms hold it.

    Args:
        magnitude: Weight of the mean absolute difference of magnitudes.
        complex: Weight of the mean modulus of the complex difference, which depends on the phase.
        si_sdr: Weight of the negative SI-SDR in dB; stems that are silent in an excerpt do not count.
        sdr: Weight of the negative SDR in dB, likewise; unlike SI-SDR it depends on the level of an estimate.
        n_fft: Length of the Fourier transform, samples.
        hop_length: Samples between two frames.

    Raises:
        InputError: If no weight is above 0.
    """

    def __init__(
        self,
        magnitude: Weight,
        complex: Weight,
        si_sdr: Weight,
        n_fft: Samples,
        hop_length: Samples,
        sdr: Weight = 0.0,
    ) -> None:
        super().__init__()
        self.weights = {"magnitude": magnitude, "complex": complex, "si_sdr": si_sdr, "sdr": sdr}
        if not max(self.weights.values()) > 0:
            raise InputError("one of the weights magnitude, complex, si_sdr and sdr must be above 0")
        self.stft = Stft(n_fft, hop_length)

    def forward(
        self, estimate: Tensor, target: Tensor, counted: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare stems ``(b n c t)``, all or those that count ``(b n)``: the loss and its unweighted terms by name."""
        estimate = estimate.float()
        target = target.float()
        estimated = self.stft(estimate)  # (b n c f m)
        true = self.stft(target)  # (b n c f m)
        terms = {
            "magnitude": mean_of_counted((estimated.abs() - true.abs()).abs(), counted),
            "complex": mean_of_counted((estimated - true).abs(), counted),
            "si_sdr": negative_si_sdr(estimate, target, counted),
            "sdr": negative_sdr(estimate, target, counted),
        }
        weighted = [self.weights[name] * term for name, term in terms.items() if self.weights[name] > 0]
        return torch.stack(weighted).sum(), terms
