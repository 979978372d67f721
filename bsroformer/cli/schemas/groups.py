"""Schemas of the groups of ``configs/`` and of model sources."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bsroformer.cli.schemas.components import Component
from bsroformer.cli.schemas.kinds import (
    Address,
    Addresses,
    Configs,
    Device,
    Digests,
    Engine,
    FilePath,
    Precision,
    Word,
    Words,
    as_list,
)
from bsroformer.cli.schemas.schema import OpenSchema, Schema, allowed
from bsroformer.kinds import Channels, Count, CountOrZero, SampleRate, Samples, Seconds, Share


class PathSettings(OpenSchema):
    """``configs/paths/``."""

    runs_dir: FilePath
    cache_dir: FilePath
    output_dir: FilePath


class AudioSettings(OpenSchema):
    """``configs/audio/``."""

    sample_rate: SampleRate
    channels: Channels
    n_fft: Samples
    hop_length: Samples


class DataSettings(OpenSchema):
    """``configs/data/``; keys of one data set are arguments of its source."""

    root: Address | None = None
    name: Word | None = None
    license: Word | None = None
    stems: Annotated[list[Word], Field(min_length=1), allowed("a list of at least one word")]
    pack: FilePath | Literal[False] | None = None
    seconds: Seconds
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    epoch_size: Count
    valid_per_song: Literal["all"] | Count
    valid_seconds: Seconds | None = None
    valid_songs: CountOrZero | Words | None = None
    num_workers: Annotated[int, Field(ge=0, le=1024)]
    overfit_songs: Count | None = None
    extra: Words | None = None
    layout: Word | None = None
    source: Component


class SeparationConfig(Schema):
    """``configs/separation/``, as `bsroformer.inference.Separator` takes it."""

    overlap: Share
    shifts: Annotated[int, Field(ge=1, le=1000)]
    tta: Annotated[
        list[Literal["channel_swap", "polarity"]],
        BeforeValidator(as_list),
        allowed("a list of channel_swap and polarity"),
    ]
    chunk_seconds: Seconds | None
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    device: Device
    precision: Precision
    engine: Engine
    compile: bool


SEPARATION = tuple(SeparationConfig.model_fields)
"""The keys of a separation's settings."""


class CheckpointSource(Schema):
    """Checkpoints, with the YAML and the digest of each, and the base of each adapter."""

    ckpt: Addresses
    config: Configs | None = None
    sha256: Digests | None = None
    base: Configs | None = None


class StemFormat(Schema):
    """The sample format of written stems."""

    bit_depth: Literal["auto", "16", "24", "float", 16, 24]
