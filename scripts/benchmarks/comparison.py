"""What a benchmark finds, for programs and for people."""

import platform
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from rich.table import Table

from bsroformer.hardware import device_name

Figures = dict[str, float]


class Findings(Protocol):
    """What a benchmark finds."""

    def to_dict(self) -> dict[str, Any]:
        """A plain tree, for JSON."""

    def table(self) -> Table:
        """The same, to print with ``rich``."""


@dataclass(frozen=True)
class Comparison:
    """Figures of two ways to do the same.

    Attributes:
        title: What was measured.
        conditions: The settings and the machine that the figures hold for.
        ways: The figures of each way, under the same names; the first way is this project's.
        ratios: Of each figure, in the same order: the second way over the first.
    """

    title: str
    conditions: dict[str, Any]
    ways: dict[str, Figures]
    ratios: Figures

    def to_dict(self) -> dict[str, Any]:
        """A plain tree, for JSON: a ratio stands at ``ratio_<name>``."""
        ratios = {f"ratio_{name}": ratio for name, ratio in self.ratios.items()}
        return {"title": self.title, "conditions": self.conditions, **self.ways, **ratios}

    def table(self) -> Table:
        """A row for each figure, to print with ``rich``."""
        first, second = self.ways
        conditions = ", ".join(f"{name} {value}" for name, value in self.conditions.items())
        table = Table("", first, second, f"{second} / {first}", title=self.title, caption=conditions)
        for column in table.columns[1:]:
            column.justify = "right"
        for (name, ratio), ratio in zip(self.ways[first].items(), self.ratios.values(), strict=True):
            values = [number(figures[name]) for figures in self.ways.values()]
            table.add_row(name.replace("_", " "), *values, f"{ratio:.2f}")
        return table


def number(value: float) -> str:
    """A count with its thousands apart, anything else with three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def machine(device: torch.device) -> dict[str, Any]:
    """What a figure depends on, besides the program."""
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
