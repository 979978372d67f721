"""Spectral Feature Compression with a TF-Locoformer, with one stage in each file."""

from bsroformer.models.spectral_compression.model import SpectralCompression
from bsroformer.models.spectral_compression.settings import CompressionModelSettings

__all__ = ["CompressionModelSettings", "SpectralCompression"]
