"""``configs/checkpoint.yaml``."""

from typing import ClassVar, Literal

from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import CheckpointSource
from bsroformer.cli.schemas.kinds import FilePath, Word


class CheckpointConfig(Config, CheckpointSource):
    """A checkpoint or several, and what is made of them."""

    may_name_runs: ClassVar[tuple[str, ...]] = ("ckpt",)
    action: Literal["inspect", "convert", "export", "strip", "average", "merge", "card", "publish"]
    weights: Literal["averaged", "raw"]
    output: FilePath | None
    overwrite: bool
    results: FilePath | None = None
    license: Word | None = None
    repo: Word | None = None
    private: bool = False
    dry_run: bool = False
