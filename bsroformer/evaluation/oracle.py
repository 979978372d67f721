"""Ideal ratio masks: what a separator could reach that knows every stem's spectrogram, but not its phase.

The oracles IRM1 and IRM2 of SiSEC 2018 (Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign", section
2, and its code, sigsep-mus-oracle). A network with complex masks can score higher, since it may mend the phase.
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
"""scipy's default, and the reach of a window to either side of its centre."""
BLOCK = 64 * HOP
"""Samples whose spectra are in memory at a time, 1.5 s at 44.1 kHz: 5 MB for the mixture and four stems in stereo."""
EPS = 2.0**-52
"""What SiSEC's code adds to the sum of all sources; it counts where a codec left noise in the mixture only."""
SAME = 1e-3
"""Of a target's energy: what may be left of it for it to be a sum of sources. Rounding to 16 bits leaves less."""


@dataclass(frozen=True)
class IdealRatioMask:
    """A method that is told the true stems: each gets the share of every bin of the mixture that its magnitude has.

    With S_k the spectra of the song's sources, X that of the mixture, and a the exponent::

        estimate of source n = iSTFT(X |S_n|^a / (eps + sum_k |S_k|^a))

    for each channel on its own. A sum of sources (``accompaniment``) is estimated by the sum of their estimates, as in
    SiSEC. Any other target T, and that of a song with one source, is taken for one of two sources, beside the rest of
    the mixture: |T|^a / (eps + |T|^a + |X - T|^a). A bin where all sources are zero is zero in every estimate.

    Attributes:
        name: How tables call it.
        exponent: Of the magnitudes; 1 (IRM1) or 2 (IRM2).
        kind: ``oracle``.
        device_bound: Whether it needs the device that models compute on.
    """

    name: str
    exponent: int
    kind: str = "oracle"
    device_bound: bool = False

    def mark(self, song: TrackEntry) -> str:
        """Its settings, whatever the song."""
        return f"{self.exponent} {N_FFT} {HOP}"

    def estimate(self, song: TrackAudio) -> Tensor:
        """Estimate the stems of a song.

        A stretch of the result depends on the windows that reach into it only, so that a song is computed block by
        block, with the samples around each, and comes out as if whole.

        Args:
            song: Its mixture (c t), targets (n c t) and sources (k c t).

        Returns:
            Estimates (n c t) in float32, as long as the mixture, in the order of the targets.
        """
        parts = [parts_of(target, song.sources) for target in song.targets]
        length = song.mixture.shape[-1]
        estimates = torch.zeros(song.targets.shape)  # n c t
        window = torch.hann_window(N_FFT) / (N_FFT / 2)  # sums to 1, as scipy's: the scale of EPS
        for start in range(0, length, BLOCK):
            stop = min(start + BLOCK, length)
            mixture = _spectra(song.mixture, start, stop, window)  # c f m
            masks = self._masks(song, mixture, parts, start, stop, window)
            for estimate, mask in zip(estimates, masks, strict=True):
                # centred frames: their first half window, which is context, is cut off
                estimate[:, start:stop] = torch.istft(mixture * mask, N_FFT, HOP, window=window, length=stop - start)
        return estimates

    def _masks(
        self,
        song: TrackAudio,
        mixture: Tensor,
        parts: list[Tensor | None],
        start: int,
        stop: int,
        window: Tensor,
    ) -> Iterator[Tensor]:
        """The mask of each target for a block of the mixture's spectrum (c f m)."""
        if any(chosen is not None for chosen in parts):
            shares = _shares(self._powers(_spectra(song.sources, start, stop, window)))  # k c f m
        for target, chosen in zip(song.targets, parts, strict=True):
            if chosen is not None:
                yield shares[chosen].sum(dim=0)
            else:
                own = _spectra(target, start, stop, window)
                yield _shares(self._powers(torch.stack([own, mixture - own])))[0]

    def _powers(self, spectra: Tensor) -> Tensor:
        return spectra.abs().pow(self.exponent)


ORACLES = {method.name: method for method in (IdealRatioMask("IRM1", 1), IdealRatioMask("IRM2", 2))}
"""The oracles by name."""


def oracle(name: str) -> IdealRatioMask:
    """One of `ORACLES`.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in ORACLES:
        raise InputError(f"There is no oracle called {name}: choose from {', '.join(ORACLES)}.")
    return ORACLES[name]


def parts_of(target: Tensor, sources: Tensor) -> Tensor | None:
    """Find the sources whose sum a target is.

    Args:
        target: (c t).
        sources: (k c t).

    Returns:
        Whether each source is part of the target, (k) bool; None if it is no sum of them, or there is one source only.
    """
    if len(sources) < 2:
        return None
    equal = [torch.equal(target, source) for source in sources]
    if any(equal):
        return torch.arange(len(sources)) == equal.index(True)
    energy, products, gram = _products(target, sources)
    chosen = (torch.linalg.pinv(gram, hermitian=True) @ products).round().clamp(0, 1)  # the nearest sum
    error = energy - 2 * chosen @ products + chosen @ gram @ chosen
    return chosen.bool() if error <= SAME * energy else None


def _products(target: Tensor, sources: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The target's energy, its products with the sources (k), and theirs with each other (k k), in float64."""
    signals = zip(target.split(BLOCK, dim=-1), sources.split(BLOCK, dim=-1), strict=True)
    total = torch.zeros(1 + len(sources), 1 + len(sources), dtype=torch.float64)
    for target_block, sources_block in signals:
        rows = torch.cat([target_block[None], sources_block]).flatten(start_dim=1)
        total += rows @ rows.T
    return total[0, 0], total[1:, 0], total[1:, 1:]


def _shares(powers: Tensor) -> Tensor:
    """What part of the sum over the first axis each has; zeros where all are zero."""
    return powers / (EPS + powers.sum(dim=0))


def _spectra(signal: Tensor, start: int, stop: int, window: Tensor) -> Tensor:
    """Spectra (... f m) of the windows that reach into samples ``start`` to ``stop``; the former is a multiple of HOP.

    Zeros surround the signal, up to the centre of a last window at its end or past it: scipy's ``boundary`` and
    ``padded``.
    """
    length = signal.shape[-1]
    frames = -(-(stop - start) // HOP)
    stop = start + frames * HOP
    found = signal[..., max(start - HOP, 0) : min(stop + HOP, length)].float()
    found = F.pad(found, (max(HOP - start, 0), max(stop + HOP - length, 0)))
    spectra = torch.stft(found.flatten(0, -2), N_FFT, HOP, window=window, center=False, return_complex=True)
    return spectra.unflatten(0, signal.shape[:-1])
