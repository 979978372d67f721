"""Ideal ratio masks: the ceiling of separators without knowledge of phases.

The oracles IRM1 and IRM2 of SiSEC 2018 (Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign", section
2, and its code, sigsep-mus-oracle). A network with complex masks can score higher, since it can correct the phase.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry

N_FFT = 2048
"""Window of SiSEC's oracles, in samples at any rate: ``scipy.signal.stft(nperseg=2048)``, a Hann window."""
HOP = N_FFT // 2
"""Hop of scipy's default, and half of a window."""
BLOCK = 64 * HOP
"""Samples with spectra in memory at a time, 1.5 s at 44.1 kHz: 5 MB for the mixture and four stereo stems."""
EPS = 2.0**-52
"""Added to the sum of all sources, as in SiSEC's code; it matters where a codec left noise in the mixture only."""
MAX_RESIDUAL = 1e-3
"""Largest part of its energy by which a sum of sources may differ from a target; rounding to 16 bits is less."""


@dataclass(frozen=True)
class IdealRatioMask:
    """An oracle that gives each true stem its share of every bin of the mixture.

    Shares are those of the magnitudes.

    With S_k the spectra of the track's sources, X that of the mixture, and a the exponent::

        estimate of source n = iSTFT(X |S_n|^a / (eps + sum_k |S_k|^a))

    for each channel on its own. A sum of sources (``accompaniment``) is estimated by the sum of their estimates, as in
    SiSEC. Any other target T, and that of a track with one source, is treated as one of two sources, T and X - T:
    |T|^a / (eps + |T|^a + |X - T|^a). A bin where all sources are zero is zero in every estimate.

    Attributes:
        name: Name in tables.
        exponent: Exponent of the magnitudes, 1 (IRM1) or 2 (IRM2).
        kind: ``oracle``.
        device_bound: False, since it is computed in the threads that score.
    """

    name: str
    exponent: int
    kind: str = "oracle"
    device_bound: bool = False

    def cache_key(self, track: TrackEntry) -> str:
        """Return the settings, which are the same for all tracks."""
        return f"{self.exponent} {N_FFT} {HOP}"

    def estimate(self, track: TrackAudio) -> Tensor:
        """Estimate the stems of a track.

        Each block depends only on the windows that overlap it, so that a track is computed block by block, with the
        samples around each, and the result is that of the whole track.

        Args:
            track: Mixture (c t), targets (n c t) and sources (k c t).

        Returns:
            Estimates (n c t) in float32, in the order of the targets.
        """
        parts = [parts_of(target, track.sources) for target in track.targets]
        length = track.mixture.shape[-1]
        estimates = torch.zeros(track.targets.shape)  # n c t
        window = torch.hann_window(N_FFT) / (N_FFT / 2)  # sums to 1, as scipy's: the scale of EPS
        for start in range(0, length, BLOCK):
            stop = min(start + BLOCK, length)
            mixture = _spectra(track.mixture, start, stop, window)  # c f m
            masks = self._masks(track, mixture, parts, start, stop, window)
            for estimate, mask in zip(estimates, masks, strict=True):
                # centred frames: their first half window is context, and is cut off
                estimate[:, start:stop] = torch.istft(mixture * mask, N_FFT, HOP, window=window, length=stop - start)
        return estimates

    def _masks(
        self,
        track: TrackAudio,
        mixture: Tensor,
        parts: list[Tensor | None],
        start: int,
        stop: int,
        window: Tensor,
    ) -> Iterator[Tensor]:
        """Yield the mask of each target for a block of the mixture's spectrum (c f m)."""
        if any(chosen is not None for chosen in parts):
            shares = _shares(self._powers(_spectra(track.sources, start, stop, window)))  # k c f m
        for target, chosen in zip(track.targets, parts, strict=True):
            if chosen is not None:
                yield shares[chosen].sum(dim=0)
            else:
                own = _spectra(target, start, stop, window)
                yield _shares(self._powers(torch.stack([own, mixture - own])))[0]

    def _powers(self, spectra: Tensor) -> Tensor:
        return spectra.abs().pow(self.exponent)


ORACLES = {method.name: method for method in (IdealRatioMask("IRM1", 1), IdealRatioMask("IRM2", 2))}
"""Oracles by name."""


def oracle(name: str) -> IdealRatioMask:
    """Return an oracle by name.

    Raises:
        InputError: If the name is unknown.
    """
    if name not in ORACLES:
        raise InputError(f"{name} must be the name of an oracle; choose from {', '.join(ORACLES)}.")
    return ORACLES[name]


def parts_of(target: Tensor, sources: Tensor) -> Tensor | None:
    """Find the sources that add up to a target.

    Args:
        target: (c t).
        sources: (k c t).

    Returns:
        True for each source in the sum, (k) bool; None if there is no such sum, or only one source.
    """
    if len(sources) < 2:
        return None
    equal = [torch.equal(target, source) for source in sources]
    if any(equal):
        return torch.arange(len(sources)) == equal.index(True)
    energy, products, gram = _products(target, sources)
    chosen = (torch.linalg.pinv(gram, hermitian=True) @ products).round().clamp(0, 1)  # the nearest sum
    error = energy - 2 * chosen @ products + chosen @ gram @ chosen
    return chosen.bool() if error <= MAX_RESIDUAL * energy else None


def _products(target: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the target's energy, its products with sources (k), and theirs (k k).

    They are in float64.
    """
    signals = zip(target.split(BLOCK, dim=-1), sources.split(BLOCK, dim=-1), strict=True)
    total = torch.zeros(1 + len(sources), 1 + len(sources), dtype=torch.float64)
    for target_block, sources_block in signals:
        rows = torch.cat([target_block[None], sources_block]).flatten(start_dim=1)
        total += rows @ rows.T
    return total[0, 0], total[1:, 0], total[1:, 1:]


def _shares(powers: Tensor) -> Tensor:
    """Divide by the sum over the first axis; zeros where all are zero."""
    return powers / (EPS + powers.sum(dim=0))


def _spectra(signal: Tensor, start: int, stop: int, window: Tensor) -> Tensor:
    """Compute the spectra (... f m) of the windows that overlap a range of samples.

    It is from ``start``, a multiple of HOP, to ``stop``.

    Zeros surround the signal, up to the centre of a last window at its end or past it: scipy's ``boundary`` and
    ``padded``.
    """
    length = signal.shape[-1]
    frames = -(-(stop - start) // HOP)
    stop = start + frames * HOP
    padded = signal[..., max(start - HOP, 0) : min(stop + HOP, length)].float()
    padded = F.pad(padded, (max(HOP - start, 0), max(stop + HOP - length, 0)))
    spectra = torch.stft(padded.flatten(0, -2), N_FFT, HOP, window=window, center=False, return_complex=True)
    return spectra.unflatten(0, signal.shape[:-1])
