"""Diagnosis of stems with samples that are not finite."""

MAX_PLAUSIBLE_SAMPLE = 1e3
"""Largest magnitude of real audio, where full scale is 1; larger ones overflow in the network."""


def overflow_reason(peak: float, precision: str) -> str:
    """Explain stems with NaN or infinite samples, and name the remedy.

    Args:
        peak: Largest magnitude of the mixture.
        precision: Precision of the network: see `Separator.precision`.
    """
    if peak > MAX_PLAUSIBLE_SAMPLE:
        return f"the song has samples up to {peak:.3g}, where full scale is 1; scale it down"
    if precision == "fp32":
        return "its weights do not fit this sound even in float32; check the checkpoint and its YAML, or use another"
    return f"with precision={precision} numbers overflow or are rounded; set precision=fp32"
