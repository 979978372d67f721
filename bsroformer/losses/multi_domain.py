"""Loss on magnitudes, complex spectrum and SI-SDR together."""

from torch import Tensor, nn

from bsroformer.audio.stft import Stft
from bsroformer.errors import InputError
from bsroformer.kinds import Samples, Weight
from bsroformer.losses.si_sdr import negative_si_sdr


class MultiDomainLoss(nn.Module):
    """L1 on magnitudes, L1 on the complex spectrum, and negative SI-SDR.

    The spectra are unscaled, so that for music both L1 terms lie around 0.1 to 0.4 where SI-SDR counts decibels (30
    down to -20): `docs/losses.md` shows the terms over a run and the effect of the weights. SI-SDR ignores
    the level of an estimate; the spectral terms determine it.

    Args:
        magnitude: Weight of the mean absolute difference of magnitudes.
        complex: Weight of the mean modulus of the complex difference, which depends on the phase.
        si_sdr: Weight of the negative SI-SDR in dB; stems that are silent in an excerpt do not count.
        n_fft: Length of the Fourier transform, samples.
        hop_length: Samples between two frames.

    Raises:
        InputError: If no weight is above 0.
    """

    def __init__(self, magnitude: Weight, complex: Weight, si_sdr: Weight, n_fft: Samples, hop_length: Samples) -> None:
        super().__init__()
        if not max(magnitude, complex, si_sdr) > 0:
            raise InputError("one of the weights magnitude, complex and si_sdr must be above 0")
        self.weights = {"magnitude": magnitude, "complex": complex, "si_sdr": si_sdr}
        self.stft = Stft(n_fft, hop_length)

    def forward(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare stems ``(b n c t)``: the loss and its unweighted terms by name."""
        estimate = estimate.float()
        target = target.float()
        estimated = self.stft(estimate)  # (b n c f m)
        true = self.stft(target)  # (b n c f m)
        terms = {
            "magnitude": (estimated.abs() - true.abs()).abs().mean(),
            "complex": (estimated - true).abs().mean(),
            "si_sdr": negative_si_sdr(estimate, target),
        }
        loss = sum(self.weights[name] * term for name, term in terms.items())
        return loss, terms
