"""``configs/prepare.yaml``."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from bsroformer.cli.schemas.components import Component
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import AudioSettings, DataSettings
from bsroformer.cli.schemas.kinds import Address, Addresses, FilePath, Word, Workers, as_list
from bsroformer.cli.schemas.schema import allowed
from bsroformer.kinds import Decibels, Seed


class PrepareConfig(Config):
    """A data set, and the action on it."""

    may_name_runs: ClassVar[tuple[str, ...]] = ("ckpt",)

    audio: AudioSettings
    data: DataSettings
    augment: Component
    seed: Seed
    action: Literal["pack", "check", "preview", "label"]
    workers: Workers | None
    mend: Annotated[
        list[Literal["rate", "channels", "length", "missing"]],
        BeforeValidator(as_list),
        allowed("a list of rate, channels, length and missing"),
    ]
    precision: Literal["auto", "int16"]
    output: FilePath
    stem: Word | None
    ckpt: Address | None = None
    input: Addresses | None = None
    min_agreement_db: Decibels = 10
