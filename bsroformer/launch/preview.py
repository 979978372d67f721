"""What the effects of a preset sound and look like: each once, on one stem."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from bsroformer.audio.files import write
from bsroformer.data.augment import Effect, Stretch
from bsroformer.figures import effects_figure


def preview_effects(
    effects: Mapping[str, Effect],
    stretch: Stretch,
    stem: Tensor,
    sample_rate: int,
    folder: Path,
    rng: np.random.Generator,
) -> list[Path]:
    """Apply every effect once to a stem, whatever its probability, and write what comes of it.

    Args:
        effects: By their names in the configuration.
        stretch: Shifts pitch and tempo; the stem becomes longer or shorter.
        stem: Samples (c t), some seconds.
        sample_rate: In Hz.
        folder: Where the files go.
        rng: What all draws come from.

    Returns:
        The files: ``original.wav``, ``<effect>.wav`` for each, ``effects.png``.

    Raises:
        InputError: The library of `stretch` is not installed, or an effect cannot take such audio.
    """
    change = stretch.change(rng)
    changed = {"stretch": change.apply(stem, round(stem.shape[-1] / change.tempo), sample_rate)}
    changed |= {name: effect(stem, sample_rate, rng) for name, effect in effects.items()}
    sounds = {folder / f"{name}.wav": audio for name, audio in ({"original": stem} | changed).items()}
    for path, audio in sounds.items():
        write(path, audio, sample_rate)
    picture = folder / "effects.png"
    effects_figure({name: (stem, audio) for name, audio in changed.items()}, sample_rate).savefig(picture, dpi=100)
    return [*sounds, picture]
