"""``configs/app.yaml``."""

from typing import Annotated

from pydantic import Field

from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import SeparationConfig, StemFormat
from bsroformer.cli.schemas.kinds import Addresses, Configs, FilePath, Word, Words
from bsroformer.cli.schemas.schema import Schema, allowed


class LimitSettings(Schema):
    """Limits for visitors of the page."""

    megabytes: Annotated[float, Field(gt=0, le=10**6)]
    minutes: Annotated[float, Field(gt=0, le=10**5)]
    songs: Annotated[int, Field(ge=1, le=10**5)]
    songs_each: Annotated[int, Field(ge=1, le=10**5)]
    keep_minutes: Annotated[float, Field(gt=0, le=10**7)]


class StudioConfig(Config, SeparationConfig, StemFormat):
    """Checkpoints to choose from, and the page.

    Overlap and shifts stay within its sliders.
    """

    ckpt: Addresses | None
    config: Configs | None
    output: FilePath
    overlap: Annotated[float, Field(ge=0, le=0.875)]
    shifts: Annotated[int, Field(ge=1, le=8)]
    host: Word
    port: Annotated[int, Field(ge=1, le=65_535)] | None
    share: bool
    auth: Annotated[str | list[str] | None, allowed("name:password, or a list of these: auth=[anna:secret,ben:other]")]
    root_path: (
        Annotated[
            str, Field(pattern=r"^(/|https?://)"), allowed("a path that starts with /, or an address with https://")
        ]
        | None
    )
    hosts: Words
    limits: LimitSettings
