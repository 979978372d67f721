"""Another pitch and another tempo, by Signalsmith Stretch (MIT; a phase vocoder in C++), which is optional."""

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

# Samples read beyond the end of what is heard: the last half block of 0.12 s fades out, at rates of up to 96 kHz.
MARGIN = 5760
SEED = 0
"""Of the phases that the library draws where a song is slowed down far."""


@dataclass(frozen=True)
class Change:
    """A shift of pitch and tempo.

    Attributes:
        semitones: How much higher.
        tempo: How many times as fast.
    """

    semitones: float
    tempo: float

    def frames(self, frames: int) -> int:
        """How many samples of a song make ``frames`` samples of the changed one, with what the library reads ahead."""
        return math.ceil(frames * self.tempo) + MARGIN

    def apply(self, stem: Tensor, frames: int, sample_rate: int) -> Tensor:
        """Shift a stem.

        Args:
            stem: Samples (c t), of which ``self.frames(frames)`` are used; silence follows a shorter one.
            frames: How many to make.
            sample_rate: In Hz.

        Returns:
            Samples (c frames), whose first one sounds when the stem's first one does.

        Raises:
            InputError: The library is not installed.
        """
        library = _library()
        read = self.frames(frames)
        stem = F.pad(stem[:, :read], (0, max(0, read - stem.shape[1])))
        stretch = library.Stretch(SEED)
        stretch.preset(len(stem), sample_rate)
        stretch.setTransposeSemitones(self.semitones)
        stretch.setTimeFactor(self.tempo)
        # The library makes up for its own latency.
        changed = stretch.process(np.ascontiguousarray(stem.numpy()))
        return torch.from_numpy(changed)[:, :frames].contiguous()


@dataclass(frozen=True)
class Stretch:
    """A random shift of pitch and tempo. It is no `Effect`, since it decides how much of a song is read.

    The defaults are the ranges of Demucs (its `repitch.py`), which shifts a fifth of its songs.

    Attributes:
        probability: Of each stem.
        semitones: How much higher, uniform.
        tempo: How many times as fast, uniform.
    """

    probability: Probability
    semitones: Range = (-2.0, 2.0)
    tempo: Range = (0.88, 1.12)

    def __post_init__(self) -> None:
        """Check the settings, and that the library is there if it will be needed."""
        check_probability("augment.stretch", self.probability)
        check_range("augment.stretch.semitones", self.semitones, -24, 24)
        check_range("augment.stretch.tempo", self.tempo, 0.25, 4)
        if self.probability:
            _library()

    def draw(self, rng: np.random.Generator) -> Change | None:
        """A random change, or None for a stem that stays as it is."""
        return self.change(rng) if rng.random() < self.probability else None

    def change(self, rng: np.random.Generator) -> Change:
        """A random change, whatever the probability."""
        return Change(rng.uniform(*self.semitones), rng.uniform(*self.tempo))


def stretch_is_installed() -> bool:
    """Check that the library can be imported."""
    return find_spec("python_stretch") is not None


def _library() -> ModuleType:
    try:
        from python_stretch import Signalsmith
    except ImportError as error:
        raise InputError(
            f"augment.stretch needs the library python-stretch: install it with `{install_command('augment')}`, or set "
            "augment.stretch.probability=0."
        ) from error
    return Signalsmith
