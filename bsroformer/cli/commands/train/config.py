"""``configs/train.yaml``."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from bsroformer.cli.schemas.components import Component, Optimizer, Schedule, Trainer
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import AudioSettings, DataSettings
from bsroformer.cli.schemas.kinds import Address, Digest, FilePath, Gigabytes, Word, Words, nothing_if_empty
from bsroformer.cli.schemas.schema import OpenSchema, Schema, allowed
from bsroformer.kinds import Count, CountOrZero, Seed

if TYPE_CHECKING:
    from bsroformer.models import ModelSettings
    from bsroformer.models.adaptation import Adaptation


class LoraConfig(Schema):
    """Low-rank updates; none without a rank."""

    rank: Annotated[int, Field(ge=1, le=4096)] | None = None
    alpha: Annotated[float, Field(gt=0, le=10**6)] = 32
    layers: Annotated[Words, Field(min_length=1)] = Field(default=["attention", "feed_forward"])


class TrainConfig(Config, OpenSchema):
    """A training; experiments may add keys for others to refer to."""

    may_name_runs: ClassVar[tuple[str, ...]] = ("init_from",)
    audio: AudioSettings
    data: DataSettings
    augment: Component
    loss: Component
    optimizer: Optimizer
    scheduler: Schedule
    model: dict[str, Any]
    trainer: Trainer
    callbacks: Annotated[dict[str, Component] | None, BeforeValidator(nothing_if_empty)] = None
    logger: Annotated[Component | None, BeforeValidator(nothing_if_empty)] = None
    seed: Seed = 0
    monitor: Word = "val/si_sdr"
    resume: Word | None = None
    ckpt_path: FilePath | None = None
    init_from: Address | None = None
    init_config: Address | None = None
    init_sha256: Digest | None = None
    model_of_init: bool = False
    lora: LoraConfig | None = None
    train_only: Annotated[Words | None, BeforeValidator(nothing_if_empty)] = None
    lr_factors: Annotated[
        dict[Word, Annotated[float, Field(ge=0, le=1000)]] | None,
        BeforeValidator(nothing_if_empty),
        allowed("a factor for each part, such as {trunk: 0.1}"),
    ] = None
    early_stopping: Count | None = None
    activation_checkpointing: Annotated[
        Literal["auto"] | bool | CountOrZero, allowed("auto, true, false, or a number of blocks")
    ] = False
    card_memory_gb: Gigabytes | None = None
    compile: Annotated[Literal["auto"] | bool, allowed("auto, true or false")] = False
    ema_half_life: Annotated[float, Field(gt=0, le=10**7)] = 500
    average_best: Count | None = None
    tags: Annotated[Words | None, BeforeValidator(nothing_if_empty)] = None
    float32_matmul_precision: Literal["highest", "high", "medium"] = "highest"
    evaluate: bool = False

    @cached_property
    def settings(self) -> "ModelSettings":
        """The model's settings.

        Raises:
            InputError: If one of them is wrong.
        """
        from bsroformer.models import settings_from_dict  # PyTorch takes seconds to be imported

        return settings_from_dict(self.model)

    @cached_property
    def adaptation(self) -> "Adaptation | None":
        """The trained weights; None if all are."""
        from bsroformer.models.adaptation import Adaptation, LoraSettings

        lora = None
        if self.lora is not None and self.lora.rank is not None:
            lora = LoraSettings(rank=self.lora.rank, alpha=self.lora.alpha, layers=tuple(self.lora.layers))
        if lora is None and not self.train_only:
            return None
        return Adaptation(lora=lora, train_only=tuple(self.train_only or ()))

    @property
    def memory_to_check_gb(self) -> float | None:
        """Memory to compare the training with; None for the machine's."""
        return None

    @property
    def is_rehearsal(self) -> bool:
        """Return whether the run is a rehearsal of a few batches, without files."""
        return bool(self.trainer.fast_dev_run)
