"""Band-Split RoFormer: train it on a laptop, separate any song, evaluate by the book.

Axes, one notation everywhere, in shape comments and einops patterns::

    b  batch        f  frequency bin     s  sequence (a row of a batch of sequences)
    n  stem         m  STFT frame        l  place in a sequence
    c  channel      k  band              d  feature
    t  sample       h  attention head    e  feature of a head        z  real and imaginary part

Waveforms are float32 in [-1, 1]. A mixture is ``(b c t)``, its stems are ``(b n c t)``.

>>> import bsroformer
>>> model = bsroformer.load_model("runs/demo/checkpoints/best.ckpt")  # doctest: +SKIP
>>> separator = bsroformer.Separator(model)  # doctest: +SKIP
>>> stems = separator(mixture)  # (c t) -> (n c t)  # doctest: +SKIP
>>> bsroformer.separate_file(separator, "song.mp3", "separated/song")  # of any length  # doctest: +SKIP
>>> results = bsroformer.evaluate(separator, bsroformer.songs_in("musdb18hq"))  # doctest: +SKIP
>>> results["model"].scores["vocals"]["cSDR"]  # dB  # doctest: +SKIP
"""

from bsroformer.checkpoints import load_model
from bsroformer.errors import Cancelled, InputError
from bsroformer.evaluation import Candidate, Results, evaluate, songs_in
from bsroformer.inference import Delivery, Ensemble, Separator, SongStems, separate_file
from bsroformer.model import BandSplitRoformer, ModelSettings

__all__ = [
    "BandSplitRoformer",
    "Cancelled",
    "Candidate",
    "Delivery",
    "Ensemble",
    "InputError",
    "ModelSettings",
    "Results",
    "Separator",
    "SongStems",
    "evaluate",
    "load_model",
    "separate_file",
    "songs_in",
]
__version__ = "0.1.0"
