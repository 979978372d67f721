"""Random pitch and tempo, by the optional library Signalsmith Stretch.

It is a phase vocoder in C++ (MIT licence).
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.kinds import Probability

MARGIN = 5760
"""Samples read beyond the end of the output: the last half block of 0.12 s fades out, at rates of up to 96 kHz."""
SEED = 0
"""Seed of the phases that the library draws for very slow tempos."""


@dataclass(frozen=True)
class Change:
    """A shift of pitch and tempo.

    Attributes:
        semitones: Shift of the pitch.
        tempo: Factor of the tempo.
    """

    semitones: float
    tempo: float

    def frames(self, frames: int) -> int:
        """Compute the input samples for ``frames`` output samples.

        The library reads some of them ahead.
        """
        return math.ceil(frames * self.tempo) + MARGIN

    def apply(self, stem: Tensor, frames: int, sample_rate: int) -> Tensor:
        """Shift a stem.

        Args:
            stem: Samples (c t), of which ``self.frames(frames)`` are used; a shorter stem is padded with silence.
            frames: Number of output samples.
            sample_rate: In Hz.

        Returns:
            Samples (c frames), which start with the stem.

        Raises:
            InputError: The library is not installed.
        """
        library = _library()
        needed = self.frames(frames)
        missing = max(0, needed - stem.shape[1])
        stem = F.pad(stem[:, :needed], (0, missing))
        stretch = library.Stretch(SEED)
        stretch.preset(len(stem), sample_rate)
        stretch.setTransposeSemitones(self.semitones)
        stretch.setTimeFactor(self.tempo)
        # The library compensates for its latency.
        changed = stretch.process(np.ascontiguousarray(stem.numpy()))
        return torch.from_numpy(changed)[:, :frames].contiguous()


@dataclass(frozen=True)
class Stretch:
    """A random shift of pitch and tempo.

    It is not an `Effect`, since it decides the length of audio to read.

    The defaults are the ranges of Demucs (its `repitch.py`), which shifts a fifth of its songs.

    Attributes:
        probability: Probability that a stem is changed.
        semitones: Shift of the pitch, uniform.
        tempo: Factor of the tempo, uniform.
    """

    probability: Probability
    semitones: Range = (-2.0, 2.0)
    tempo: Range = (0.88, 1.12)

    def __post_init__(self) -> None:
        """Check the settings, and that the library is installed if it will be needed."""
        check_probability("augment.stretch", self.probability)
        check_range("augment.stretch.semitones", self.semitones, -24, 24)
        check_range("augment.stretch.tempo", self.tempo, 0.25, 4)
        if self.probability:
            _library()

    def draw(self, rng: np.random.Generator) -> Change | None:
        """Draw a change, or None for a stem that is not changed."""
        return self.change(rng) if rng.random() < self.probability else None

    def change(self, rng: np.random.Generator) -> Change:
        """Draw a change, for any probability."""
        return Change(rng.uniform(*self.semitones), rng.uniform(*self.tempo))


def stretch_is_installed() -> bool:
    """Check that the library can be imported."""
    return find_spec("python_stretch") is not None


def _library() -> ModuleType:
    try:
        from python_stretch import Signalsmith
    except ImportError as error:
        raise InputError(
            f"augment.stretch needs the library python-stretch; install it with `{install_command('augment')}`, or set "
            "augment.stretch.probability=0."
        ) from error
    return Signalsmith
