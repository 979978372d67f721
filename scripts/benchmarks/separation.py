"""Separation of a mixture compared with plain forward passes in float32.

Each way computes in its own process, in turn: how the C library treats freed memory is decided once per process, and so
is measured as a user of that way would meet it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any, Literal

import torch
from rich.table import Table
from torch import Tensor

from benchmarks.comparison import Figures, caption, machine, number
from benchmarks.matmuls import matmul_flops, matmul_peak
from benchmarks.measure import seconds
from bsroformer.audio.overlap_add import windows
from bsroformer.devices import choose_device, keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.hardware import largest_memory
from bsroformer.inference import Separator
from bsroformer.kinds import Count, Seconds, Share
from bsroformer.metrics import sdr
from bsroformer.models import build_model, settings_from_dict

PLAIN, KEEPING = "plain", "plain_keeping_memory"
FP32: Literal["fp32"] = "fp32"
BF16: Literal["bf16"] = "bf16"
COMPARISONS = {
    "ratio_{way}": "times as fast as plain",
    "ratio_{way}_to_plain_keeping_memory": "times as fast as plain keeping memory",
    "{way}_sdr_db": "SDR of the worst stem against plain, dB",
}
"""Comparisons of a way: the name in JSON, and in words."""


@dataclass(frozen=True)
class Separation:
    """Time a `Separator` in float32 and bfloat16 and a plain loop.

    All compute the same windows.

    Attributes:
        settings: The model, as in ``configs/model/``; its weights are random, the same each time.
        seconds: Length of the mixture.
        overlap: Overlap of its windows.
        repeats: Rounds that are timed, each way once in each.
        threads: Threads of the CPU.
        device: ``auto``, ``cpu``, ``cuda``, ...
        engine: Engine of the separator.
        compile: Whether the separator compiles.
    """

    settings: dict[str, Any]
    seconds: Seconds
    overlap: Share
    repeats: Count
    threads: Count
    device: str
    engine: Literal["torch", "openvino"]
    compile: bool

    def run(self) -> "Speeds":
        """Measure all ways.

        Raises:
            InputError: If a setting is out of range, or the engine is missing.
        """
        if self.repeats < 1 or self.threads < 1:
            raise InputError(f"repeats={self.repeats} and threads={self.threads} measure nothing; give 1 or more")
        ways: dict[str, _Process] = {}
        stems: dict[str, Tensor] = {}
        try:
            for way in (FP32, PLAIN, KEEPING, BF16):  # first the one that knows whether the settings are in range
                ways[way] = _Process(self, way)
                stems[way] = ways[way]("stems")
            rounds = [{way: process("seconds") for way, process in ways.items()} for _ in range(self.repeats)]
            figures = {
                way: ways[way]("figures", median(each[way] for each in rounds)) for way in (PLAIN, KEEPING, FP32, BF16)
            }
        finally:
            for process in ways.values():
                process.close()
        return Speeds(
            {
                "seconds_of_audio": self.seconds,
                "overlap": self.overlap,
                "engine": f"{self.engine}, compiled" if self.compile else self.engine,
                "repeats": self.repeats,
                **machine(choose_device(self.device)),
                "threads": self.threads,
            },
            figures,
            {
                way: [ratio(rounds, PLAIN, way), ratio(rounds, KEEPING, way), worst_sdr(stems, way)]
                for way in (FP32, BF16)
            },
        )


@dataclass(frozen=True)
class Speeds:
    """Results of the separation benchmark.

    Attributes:
        conditions: The settings and the machine that the figures hold for.
        ways: Figures of each way.
        comparisons: The `COMPARISONS` of each way of a `Separator`.
    """

    conditions: dict[str, Any]
    ways: dict[str, Figures]
    comparisons: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree, for JSON."""
        compared = {
            name.format(way=way): value
            for way, values in self.comparisons.items()
            for name, value in zip(COMPARISONS, values, strict=True)
        }
        return {"title": "Separation", "conditions": self.conditions, **self.ways, **compared}

    def table(self) -> Table:
        """Return a table of ``rich``: a row for each figure and comparison."""
        ways = [way.replace("_", " ") for way in self.ways]
        table = Table("", *ways, title="Separation", caption=caption(self.conditions))
        for column in table.columns[1:]:
            column.justify = "right"
        for name in self.ways[PLAIN]:
            table.add_row(name.replace("_", " "), *(number(figures[name]) for figures in self.ways.values()))
        table.add_section()
        for place, title in enumerate(COMPARISONS.values()):
            compared = {way: number(values[place]) for way, values in self.comparisons.items()}
            table.add_row(title, *(compared.get(way, "") for way in self.ways))
        return table


class _Process:
    """Process that computes one way."""

    def __init__(self, benchmark: Separation, way: str) -> None:
        self._pool = get_context("spawn").Pool(1)
        self._way = benchmark, way

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Call a method of the process's `_Way`, and return its result."""
        return self._pool.apply(_do, (self._way, method, arguments))

    def close(self) -> None:
        """End the process."""
        self._pool.close()
        self._pool.join()


class _Way:
    """One way to compute the stems of the same mixture."""

    def __init__(self, benchmark: Separation, way: str) -> None:
        torch.set_num_threads(benchmark.threads)
        if way != PLAIN:
            keep_freed_memory()
        torch.manual_seed(0)
        model = build_model(settings_from_dict(benchmark.settings)).eval()
        ours = way in (FP32, BF16)
        self.way, self.device = way, choose_device(benchmark.device)
        self.separator = Separator(
            model,
            overlap=benchmark.overlap,
            device=benchmark.device,
            precision=BF16 if way == BF16 else FP32,
            engine=benchmark.engine if ours else "torch",
            compile=benchmark.compile and ours,
        )
        frames = round(benchmark.seconds * model.sample_rate)
        if frames < self.separator.size:
            raise InputError(f"seconds={benchmark.seconds} is shorter than a window; give more")
        self.model, self.mixture = model.to(self.device), white_noise(self.separator.channels, frames)
        self.minutes = benchmark.seconds / 60

    def stems(self) -> Tensor:
        """Compute the stems ``(n c t)``.

        Those of the plain way are the separator's in float32 with PyTorch.
        """
        return self.separator(self.mixture)

    def compute(self) -> None:
        """Compute the stems; the plain way stops at those of each window."""
        if self.way in (FP32, BF16):
            self.separator(self.mixture)
            return
        with torch.inference_mode():
            for _, window in windows([self.mixture], self.separator.size, self.separator.step):
                self.model(window.unsqueeze(0).to(self.device)).cpu()

    def seconds(self) -> float:
        """Measure one separation, in seconds."""
        return seconds(self.compute, self.device)

    def figures(self, seconds_taken: float) -> Figures:
        """Collect the figures of this way."""
        memory = largest_memory()  # before what follows takes more
        flops = matmul_flops(self.model.cpu(), self.separator.size)
        number_of_windows = sum(1 for _ in windows([self.mixture], self.separator.size, self.separator.step))
        peak = matmul_peak(self.device, torch.bfloat16 if self.way == BF16 else torch.float32)
        return {
            "seconds_per_minute_of_audio": seconds_taken / self.minutes,
            "share_of_matmul_peak": number_of_windows * flops / seconds_taken / peak,
            "peak_memory_mb": memory / 1e6,
        }


_of_this_process: list[_Way] = []


def _do(way: tuple[Separation, str], method: str, arguments: tuple[Any, ...]) -> Any:
    """Call a method of this process's way, created at the first call."""
    if not _of_this_process:
        _of_this_process.append(_Way(*way))
    return getattr(_of_this_process[0], method)(*arguments)


def white_noise(channels: int, frames: int) -> Tensor:
    """Make reproducible white noise ``(c t)`` at -20 dBFS."""
    return 0.1 * torch.randn(channels, frames, generator=torch.Generator().manual_seed(0))


def ratio(rounds: Sequence[dict[str, float]], slow: str, fast: str) -> float:
    """Compute the median over rounds of the slow time over the fast one."""
    return median(each[slow] / each[fast] for each in rounds)


def worst_sdr(stems: dict[str, Tensor], way: str) -> float:
    """Compute the SDR of a way's worst stem against the plain way, dB."""
    return float(sdr(stems[way], stems[PLAIN]).min())
