"""Settings of a model with Spectral Feature Compression."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from bsroformer.models.settings import Bands, Features, Layers, ModelSettings, Settings, Share, StftSettings
from bsroformer.text import count

NAME: Literal["spectral_compression"] = "spectral_compression"
MAX_BIAS_VALUES = 2**24
"""Upper bound of the positional bias: heads times bands times bins."""


class CompressionSettings(Settings):
    """Encoder and decoder: cross-attention between bins and bands."""

    bands: Annotated[Bands, Field(ge=2)]
    """Number of bands, each a learned query."""
    dim: Features
    """Features of a bin in a frame (`d_inner` in the published code)."""
    heads: Features
    """Heads of the attention between bins and bands."""
    hidden: Features
    """Features of the hidden layer of the feed-forward network after attention."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads, got {self.dim} and {self.heads}")
        return self


class TrunkSettings(Settings):
    """The TF-Locoformer blocks between encoder and decoder."""

    dim: Features
    """Features of a band in a frame."""
    depth: Layers
    """Number of blocks; each holds a layer along bands and one along time."""
    heads: Features
    dim_head: Annotated[int, Field(gt=0, le=2**12)]
    """Features of a head."""
    hidden: Features
    """Features of the hidden layer of a convolutional feed-forward network."""
    kernel: Annotated[int, Field(gt=0, le=2**10)] = 8
    """Frames or bands that a convolution sees."""
    norm_groups: Features = 4
    """Groups of features that are normalised by themselves."""
    dropout: Share = 0.0

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.dim % self.norm_groups:
            raise ValueError(f"dim must be a multiple of norm_groups, got {self.dim} and {self.norm_groups}")
        return self


class CompressionModelSettings(ModelSettings):
    """Settings that rebuild a `SpectralCompression` without its weights."""

    TRAINING_ONLY = ("trunk.dropout",)

    architecture: Literal["spectral_compression"] = NAME
    stft: StftSettings
    compression: CompressionSettings
    trunk: TrunkSettings

    @model_validator(mode="after")
    def _of_a_known_size(self) -> Self:
        if self.compression.bands > self.n_bins:
            raise ValueError(f"compression.bands must be at most the {self.n_bins} bins of the spectrum")
        values = self.compression.heads * self.compression.bands * self.n_bins
        if values > MAX_BIAS_VALUES:
            raise ValueError(f"the positional bias must have at most {MAX_BIAS_VALUES} values, got {values}")
        if self.chunk_seconds * self.sample_rate < self.stft.hop_length:
            raise ValueError("chunk_seconds must be at least one hop of the spectrum")
        return self

    @property
    def n_bins(self) -> int:
        """Bins of the spectrum."""
        return self.stft.n_fft // 2 + 1

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield spectrum, bands and trunk for ``checkpoint inspect``."""
        compression = self.compression
        trunk = self.trunk
        yield "spectrum", self.stft.described()
        yield (
            "bands",
            f"{compression.bands} queries, dim {compression.dim} of a bin, {count(compression.heads, 'head')}",
        )
        yield "trunk", f"dim {trunk.dim}, {trunk.depth} blocks, {count(trunk.heads, 'head')} of {trunk.dim_head}"
        yield "networks", f"hidden {trunk.hidden}, kernel {trunk.kernel}, {trunk.norm_groups} groups of the norm"
