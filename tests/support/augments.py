"""Augmentations for tests."""

from bsroformer.data.augment import Augment, ChannelSwap, Effect, Gain, Mixup, Polarity, Stretch

VARIED: dict[str, Effect] = {
    "polarity": Polarity(0.5),
    "channel_swap": ChannelSwap(0.5),
    "gain": Gain(1.0, (0.25, 1.25), "factor"),
}
NO_MIXUP = Mixup(0.0, 2, (1.0, 1.0))


def augment(
    unmixed: float = 0.0,
    silent_prob: float = 0.0,
    active_db: float | None = -50.0,
    mixup: Mixup = NO_MIXUP,
    stretch: Stretch | None = None,
    effects: dict[str, Effect] | None = None,
    vary_unmixed: bool = False,
) -> Augment:
    """Build an augmentation from the given effects alone."""
    return Augment(unmixed, silent_prob, active_db, mixup, stretch or Stretch(0.0), effects or {}, vary_unmixed)
