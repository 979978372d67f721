"""Every effect, always applied, and a signal for it."""

from functools import partial

import torch

from bsroformer.data.augment import ChannelSwap, Codec, Equaliser, Gain, Polarity, Reverb, TimeReversal

RATE = 44_100

# Effects by the names that they have in `configs/augment/`.
ALL = {
    "equaliser": partial(Equaliser, probability=1.0, bands=(1, 4), gain_db=(-6.0, 6.0), hz=(60.0, 12e3), q=(0.4, 2.0)),
    "reverb": partial(Reverb, probability=1.0, decay=(0.2, 1.5), level_db=(-20.0, -6.0)),
    "codec": partial(Codec, probability=1.0, kbits=(64, 320), formats=("mp3", "aac")),
    "time_reversal": partial(TimeReversal, probability=1.0),
    "polarity": partial(Polarity, probability=1.0),
    "channel_swap": partial(ChannelSwap, probability=1.0),
    "gain": partial(Gain, probability=1.0, limits=(0.25, 1.25), scale="factor"),
}


def music(seconds: float = 1.0) -> torch.Tensor:
    """Two unlike channels of tones and soft noise, ``(c t)``."""
    time = torch.arange(int(seconds * RATE)) / RATE
    tones = torch.stack([torch.sin(2 * torch.pi * hertz * time) for hertz in (220.0, 330.0)])
    return 0.3 * tones + 0.03 * torch.randn(tones.shape, generator=torch.Generator().manual_seed(0))
