"""Augmentation of training excerpts on the CPU, one effect a file.

It is done in the worker that reads them.
"""

from bsroformer.data.augment.augment import Augment, Mixup
from bsroformer.data.augment.codec import Codec
from bsroformer.data.augment.effect import Effect
from bsroformer.data.augment.equaliser import Equaliser
from bsroformer.data.augment.flips import ChannelSwap, Polarity, TimeReversal
from bsroformer.data.augment.gain import Gain
from bsroformer.data.augment.reverb import Reverb
from bsroformer.data.augment.stretch import Change, Stretch

__all__ = [
    "Augment",
    "Change",
    "ChannelSwap",
    "Codec",
    "Effect",
    "Equaliser",
    "Gain",
    "Mixup",
    "Polarity",
    "Reverb",
    "Stretch",
    "TimeReversal",
]
