"""Band-Split RoFormer: music source separation by PyTorch Lightning and Hydra.

Axes, one notation everywhere, in shape comments and einops patterns::

    b  batch        f  frequency bin     s  sequence (a row of a batch of sequences)
    n  stem         m  STFT frame        l  place in a sequence
    c  channel      k  band              d  feature
    t  sample       h  attention head    e  feature of a head        z  real and imaginary part

Waveforms are float32 in [-1, 1]. A mixture is ``(b c t)``, its stems are ``(b n c t)``.

Glossary, one word for one thing::

    track      files on disk with stems, of a data set     position   of a run in its schedule of excerpts
    clip       a file of one stem, to be mixed at random   schedule   the order of a run's excerpts and batches
    excerpt    a part of a track, to train or validate on  start      first sample of an excerpt in its track
    mixture    the sum of the stems                        pack       a decoded copy of a track
    song       a file that a person plays or separates     queue      jobs of the studio that wait

>>> import bsroformer
>>> model = bsroformer.load_model("runs/demo/checkpoints/best.ckpt")  # doctest: +SKIP
>>> separator = bsroformer.Separator(model)  # doctest: +SKIP
>>> stems = separator(mixture)  # (c t) -> (n c t)  # doctest: +SKIP
>>> bsroformer.separate_file(separator, "song.mp3", "separated/song")  # of any length  # doctest: +SKIP
>>> results = bsroformer.evaluate(separator, bsroformer.songs_in("musdb18hq"))  # doctest: +SKIP
>>> results["model"].scores["vocals"]["cSDR"]  # dB  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

from bsroformer.errors import Cancelled, InputError

if TYPE_CHECKING:
    from bsroformer.checkpoints import load_model
    from bsroformer.evaluation import Candidate, Results, evaluate, songs_in
    from bsroformer.inference import Delivery, Ensemble, Separator, SongStems, separate_file
    from bsroformer.models import ModelSettings, SeparationModel, register_architecture
    from bsroformer.models.bs_roformer import BandSplitRoformer

__all__ = [
    "BandSplitRoformer",
    "Cancelled",
    "Candidate",
    "Delivery",
    "Ensemble",
    "InputError",
    "ModelSettings",
    "Results",
    "SeparationModel",
    "Separator",
    "SongStems",
    "evaluate",
    "load_model",
    "register_architecture",
    "separate_file",
    "songs_in",
]
__version__ = "0.1.0"

_MODULES = {
    "bsroformer.checkpoints": ("load_model",),
    "bsroformer.evaluation": ("Candidate", "Results", "evaluate", "songs_in"),
    "bsroformer.inference": ("Delivery", "Ensemble", "Separator", "SongStems", "separate_file"),
    "bsroformer.models": ("ModelSettings", "SeparationModel", "register_architecture"),
    "bsroformer.models.bs_roformer": ("BandSplitRoformer",),
}
"""Public names by module; they are imported on first use, since PyTorch takes seconds."""


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
