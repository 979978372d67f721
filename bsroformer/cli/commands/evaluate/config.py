"""``configs/eval.yaml``."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from bsroformer.cli.schemas.components import Component
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import AudioSettings, DataSettings, SeparationConfig
from bsroformer.cli.schemas.kinds import (
    Address,
    Addresses,
    Configs,
    Digests,
    FilePath,
    StemWeights,
    Words,
    Workers,
    nothing_if_empty,
)

Named = Annotated[dict[str, Addresses], Field(min_length=1)]
"""The checkpoints of several models by name."""


class EvaluateConfig(Config, SeparationConfig):
    """Models and folders of stems, the songs, and the metrics."""

    may_name_runs: ClassVar[tuple[str, ...]] = ("ckpt",)
    audio: AudioSettings
    data: DataSettings
    ckpt: Addresses | Named | None
    config: Configs | dict[str, Configs] | None
    sha256: Digests | dict[str, Digests] | None
    base: Configs | dict[str, Configs] | None = None
    weights: StemWeights | dict[str, StemWeights | None] | None
    estimates: Addresses | dict[str, Address] | None
    bounds: Words
    output: FilePath
    split: Literal["train", "valid", "test"]
    songs: Words | None
    stems: Words | None
    metrics: Words
    workers: Literal["auto"] | Workers
    overwrite: bool
    save_stems: bool
    logger: Annotated[Component | None, BeforeValidator(nothing_if_empty)] = None

    @model_validator(mode="after")
    def _of_checkpoints(self) -> Self:
        for key in ("config", "sha256", "base", "weights"):
            if self.ckpt is None and getattr(self, key) is not None:
                raise ValueError(f"{key} belongs to a checkpoint, and ckpt is null; give ckpt=..., or remove {key}")
        return self
