"""The paper's loss: L1 on the waveform and on several complex spectra."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bsroformer.audio.stft import Stft
from bsroformer.kinds import Samples, Weight
from bsroformer.losses.sdr import mean_of_counted


class MultiResolutionLoss(nn.Module):
    """L1 on the waveform and on complex spectra (arXiv 2309.02612, section 3.4).

    ``mean|e - s| + weight * sum_w mean|STFT_w(e) - STFT_w(s)|``

    The modulus is that of the complex difference; the sum over windows is not divided by their number. As in the
    public implementation a transform is never shorter than `n_fft`; shorter windows are padded with zeros.

    Args:
        windows: Window lengths, samples.
        hop_length: Samples between two frames; 147 gives 300 frames a second at 44.1 kHz.
        n_fft: Shortest Fourier transform, samples.
        weight: Weight of the spectral terms.
    """

    def __init__(self, windows: Sequence[Samples], hop_length: Samples, n_fft: Samples, weight: Weight = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.stfts = nn.ModuleList(Stft(max(window, n_fft), hop_length, window) for window in windows)

    def forward(
        self, estimate: Tensor, target: Tensor, counted: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare stems ``(b n c t)``, all or those that count ``(b n)``: the loss and its unweighted terms by name."""
        error = estimate.float() - target.float()
        waveform = mean_of_counted(error.abs(), counted)
        # The transform is linear: that of the difference is the difference of transforms.
        spectra = {f"stft_{stft.win_length}": mean_of_counted(stft(error).abs(), counted) for stft in self.stfts}
        spectral = torch.stack(list(spectra.values())).sum()
        loss = waveform + self.weight * spectral
        return loss, {"waveform": waveform, **spectra}
