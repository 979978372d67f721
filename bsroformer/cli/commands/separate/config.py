"""``configs/separate.yaml``."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from bsroformer.audio.formats import DELIVERED
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import CheckpointSource, SeparationConfig, StemFormat
from bsroformer.cli.schemas.kinds import Addresses, FilePath, StemWeights, Word, Words
from bsroformer.cli.schemas.schema import Schema
from bsroformer.kinds import Count, CountOrZero


def lowered(value: object) -> object:
    """Lower a string."""
    return value.lower() if isinstance(value, str) else value


class Shard(Schema):
    """One process's share of the songs."""

    index: CountOrZero
    count: Count

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if self.index >= self.count:
            raise ValueError(f"shard.index={self.index} must be from 0 to shard.count - 1 = {self.count - 1}")
        return self


class SeparateConfig(Config, SeparationConfig, CheckpointSource, StemFormat):
    """Songs, the checkpoints that separate them, and the written stems."""

    may_name_runs: ClassVar[tuple[str, ...]] = ("ckpt",)
    weights: StemWeights | None = None
    input: Addresses
    output: FilePath
    overwrite: bool
    downmix: bool
    audio_stream: CountOrZero | None
    stems: Words | None
    two_stems: Word | None
    residual: bool
    format: Annotated[Literal[DELIVERED], BeforeValidator(lowered)]  # type: ignore[valid-type]
    bitrate: Annotated[int, Field(ge=32, le=512)]
    rescale: bool
    shard: Shard

    @model_validator(mode="after")
    def _one_choice_of_stems(self) -> Self:
        if self.two_stems is not None and (self.stems is not None or self.residual):
            raise ValueError("two_stems writes a stem and the residual; remove stems and residual, or two_stems")
        return self
