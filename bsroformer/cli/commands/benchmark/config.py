"""``configs/benchmark.yaml``, with the keys of ``configs/what/``.

These keys are arguments of `benchmark` too.
"""

from bsroformer.cli.schemas.components import Component, Optimizer
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.groups import AudioSettings, DataSettings
from bsroformer.cli.schemas.kinds import Device, Engine, FilePath, Precision, Word
from bsroformer.cli.schemas.schema import OpenSchema
from bsroformer.kinds import Count, CountOrZero, Seconds, Share


class BenchmarkConfig(Config, OpenSchema):
    """A measurement."""

    audio: AudioSettings
    data: DataSettings
    loss: Component
    optimizer: Optimizer
    augment: Component | None = None
    benchmark: Component
    setup: Component | None = None
    output: FilePath | None = None
    monitor: Word = "val/sdr"
    repeats: Count
    device: Device
    precision: Precision
    songs: Count = 1
    stems: Count = 1
    seconds: Seconds = 1
    batch_size: Count = 1
    overlap: Share = 0
    threads: Count = 1
    engine: Engine = "torch"
    compile: bool = False
    residual_streams: Count = 1
    excerpts: Count = 1
    musdb_excerpts: CountOrZero = 1
    batches: Count = 1
