"""Results of a benchmark, as JSON and as a table."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from rich.table import Table

from bsroformer.hardware import device_name

Figures = dict[str, float]


class Findings(Protocol):
    """Results of a benchmark."""

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree, for JSON."""

    def table(self) -> Table:
        """Return the same as a table of ``rich``."""


@dataclass(frozen=True)
class Comparison:
    """Figures of two methods for one task.

    Attributes:
        title: Name of the measurement.
        conditions: The settings and the machine that the figures hold for.
        ways: The figures of each way, under the same names; the first way is this project's.
        ratios: The second way over the first for each figure, in the same order.
    """

    title: str
    conditions: dict[str, Any]
    ways: dict[str, Figures]
    ratios: Figures

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree for JSON, with each ratio at ``ratio_<name>``."""
        ratios = {f"ratio_{name}": ratio for name, ratio in self.ratios.items()}
        return {"title": self.title, "conditions": self.conditions, **self.ways, **ratios}

    def table(self) -> Table:
        """Return a table of ``rich`` with a row for each figure."""
        first, second = self.ways
        table = Table("", first, second, f"{second} / {first}", title=self.title, caption=caption(self.conditions))
        for column in table.columns[1:]:
            column.justify = "right"
        for (name, ratio), ratio in zip(self.ways[first].items(), self.ratios.values(), strict=True):
            values = [number(figures[name]) for figures in self.ways.values()]
            table.add_row(name.replace("_", " "), *values, f"{ratio:.2f}")
        return table


def caption(conditions: Mapping[str, Any]) -> str:
    """Format the conditions of a measurement for the caption of its table."""
    return ", ".join(f"{name} {value}" for name, value in conditions.items())


def number(value: float) -> str:
    """Format a count with separated thousands, other numbers with three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def machine(device: torch.device) -> dict[str, Any]:
    """Describe the machine and the versions that figures depend on."""
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
