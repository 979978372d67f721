"""The short-time Fourier transform and its exact inverse."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

INVERTIBLE = 1e-11
"""Smallest sum of squared windows that ``torch.istft`` divides by."""
ADJOINT_NORMS = {"backward": "forward", "ortho": "ortho"}
"""Scaling of the inverse transform that a gradient needs, by that of the transform."""


class Stft(nn.Module):
    """Short-time Fourier transform with a periodic Hann window.

    Frames are centred, and edges reflected.

    `forward` and `inverse` always compute in float32, also under autocast: half precision loses 40 dB here.

    Args:
        n_fft: Length of the Fourier transform, samples.
        hop_length: Samples between two frames. `inverse` is exact at every length up to a quarter of a window; with
            a longer hop the last ``t % hop_length`` samples lie under the faint end of one window, or outside all of
            them and are zeros then, as in ``torch.istft``.
        win_length: Length of the window, samples; ``n_fft`` unless given.
        normalized: Scale by ``n_fft ** -0.5``, as ``torch.stft`` does.

    Raises:
        ValueError: If the window is longer than the transform.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, win_length: int | None = None, normalized: bool = False) -> None:
        super().__init__()
        win_length = n_fft if win_length is None else win_length
        if win_length > n_fft:
            raise ValueError(f"win_length {win_length} must be at most n_fft {n_fft}")
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.normalized = normalized
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Transform ``(... t)`` real samples to a complex spectrum ``(... f m)``.

        It has ``m = 1 + t // hop_length`` frames.

        Zeros are added at the end where a signal is too short to be reflected at its edges, up to
        ``t = n_fft // 2 + 1``, and where a long hop leaves its last samples so far from the last window's centre that
        ``torch.istft`` would refuse them, up to the next one's.
        """
        *lead, length = waveform.shape
        wanted = max(length, self.n_fft // 2 + 1)
        after_last_centre = wanted % self.hop_length
        farthest = min(after_last_centre, self.n_fft // 2) - 1
        if after_last_centre and hann_squared(farthest, self.win_length) <= INVERTIBLE:
            wanted += self.hop_length - after_last_centre
        if wanted > length:
            waveform = F.pad(waveform, (0, wanted - length))
        with torch.autocast(waveform.device.type, enabled=False):
            edge = self.n_fft // 2
            padded = F.pad(waveform.float().flatten(0, -2), (edge, edge), mode="reflect")
            frames = padded.unfold(-1, self.n_fft, self.hop_length)  # (x m n), a view
            spectrum = real_fourier(frames * self._padded_window(), "ortho" if self.normalized else "backward")
        return spectrum.mT.unflatten(0, lead)

    def _padded_window(self) -> Tensor:
        """The window with zeros around it, as long as a frame."""
        before = (self.n_fft - self.win_length) // 2
        after = self.n_fft - self.win_length - before
        return F.pad(self.window, (before, after))

    def inverse(self, spectrum: Tensor, length: int) -> Tensor:
        """Transform a complex spectrum ``(... f m)`` to ``(... t)`` samples."""
        lead = spectrum.shape[:-2]
        with torch.autocast(spectrum.device.type, enabled=False):
            waveform = torch.istft(
                spectrum.flatten(0, -3),
                self.n_fft,
                self.hop_length,
                self.win_length,
                self.window,
                normalized=self.normalized,
                length=length,
            )
        return waveform.unflatten(0, lead)


def real_fourier(frames: Tensor, norm: str) -> Tensor:
    """Transform real frames ``(... n)`` to bins ``(... f)``."""
    if frames.requires_grad and torch.is_grad_enabled():
        return RealFourier.apply(frames, norm)
    return torch.fft.rfft(frames, norm=norm)


class RealFourier(torch.autograd.Function):
    """``torch.fft.rfft`` with its gradient by ``irfft``, where autograd computes a complex transform of all bins.

    ``irfft`` adds the conjugate of each bin but the first and, of an even length, the last. A gradient has no such
    copies, so that these bins count by half.
    """

    @staticmethod
    def forward(ctx: Any, frames: Tensor, norm: str) -> Tensor:
        """Transform frames ``(... n)`` to bins ``(... f)``."""
        ctx.length = frames.shape[-1]
        ctx.norm = ADJOINT_NORMS[norm]
        return torch.fft.rfft(frames, norm=norm)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the frames."""
        halved = gradient / 2
        halved[..., 0] *= 2
        if ctx.length % 2 == 0:
            halved[..., -1] *= 2
        return torch.fft.irfft(halved, ctx.length, norm=ctx.norm), None


def hann_squared(distance: int, window: int) -> float:
    """Compute the square of a Hann window at a distance from its centre."""
    return math.cos(math.pi * distance / window) ** 4 if 2 * distance < window else 0.0


def faintest_overlap(window: int, hop_length: int) -> float:
    """Compute the least sum of squared Hann windows between two centres."""
    if 2 * hop_length <= window:
        return 0.5  # at least two windows overlap: cos^4 + sin^4
    distances = range(hop_length // 2 + 1)
    return min(hann_squared(before, window) + hann_squared(hop_length - before, window) for before in distances)
