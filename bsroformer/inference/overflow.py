"""The reason why a separator returns samples that are not finite."""

LOUD = 1e3
"""Full scale is 1: samples beyond this are no sound, and overflow in the network."""


def overflow_reason(peak: float, precision: str) -> str:
    """Explain stems with NaN or infinite samples, and name the remedy.

    Args:
        peak: The largest magnitude of the mixture.
        precision: What the network computes in: see `Separator.precision`.
    """
    if peak > LOUD:
        return f"the song has samples up to {peak:.3g}, where full scale is 1: scale it down"
    if precision == "fp32":
        return "its weights do not fit this sound even in float32: check the checkpoint and its YAML, or take another"
    return f"with precision={precision} numbers overflow or are rounded: set precision=fp32"
