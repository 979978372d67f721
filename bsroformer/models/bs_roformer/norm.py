"""Root-mean-square normalisation, which all architectures share."""

from bsroformer.models.rms_norm import NORM_FLOOR, RMSNorm, rms_norm

__all__ = ["NORM_FLOOR", "RMSNorm", "rms_norm"]
