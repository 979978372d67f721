"""Training step with grouped band layers compared with a Python loop.

The loop is over bands and stems.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from benchmarks.comparison import Comparison, Figures, machine
from benchmarks.loop_layers import with_loops
from benchmarks.measure import operator_calls, paired_seconds
from bsroformer.data.mixing import mix
from bsroformer.devices import choose_device, chooses_bf16
from bsroformer.errors import InputError
from bsroformer.kinds import Count, Seconds
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.settings import roformer_settings
from bsroformer.training.step import PlainStep, noise_stems, plain_step


@dataclass(frozen=True)
class StepBenchmark:
    """Settings of a benchmark of training steps: forward, loss, backward and optimiser.

    Attributes:
        settings: The model, as in ``configs/model/``.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        seconds: Length of an excerpt.
        batch_size: Excerpts in a step.
        repeats: Pairs of steps that are timed.
        device: ``auto``, ``cpu``, ``cuda``, ...
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the hardware computes it.
    """

    settings: dict[str, Any]
    loss: nn.Module
    optimizer: Callable[[Iterable[Any]], Optimizer]
    seconds: Seconds
    batch_size: Count
    repeats: Count
    device: str
    precision: str

    def half(self, device: torch.device) -> torch.dtype | None:
        """Return the type of autocast's matmuls; None for float32."""
        return torch.bfloat16 if chooses_bf16(self.precision, device) else None

    def conditions(self, device: torch.device) -> dict[str, Any]:
        """Return the settings and the machine that the figures hold for."""
        return {
            "seconds_of_audio": self.seconds,
            "batch_size": self.batch_size,
            "precision": "bf16" if self.half(device) else "fp32",
            "repeats": self.repeats,
            **machine(device),
        }


@dataclass(frozen=True)
class TrainingStep(StepBenchmark):
    """Compare operator calls, parameter tensors and time of a training step."""

    def run(self) -> Comparison:
        """Measure a step of both models.

        Raises:
            InputError: If a setting is out of range.
            AssertionError: If the two models do not compute the same.
        """
        if self.repeats < 1:
            raise InputError(f"repeats={self.repeats} measures nothing; give 1 or more")
        settings, device = roformer_settings(self.settings), choose_device(self.device)
        half = self.half(device)
        model = BandSplitRoformer(settings)
        stems = noise_stems(settings, self.batch_size, self.seconds).to(device)
        grouped, loop = (
            plain_step(each, self.loss, self.optimizer, stems, half) for each in (model, with_loops(model))
        )
        assert_equal_outputs(grouped, loop)
        grouped_seconds, loop_seconds, ratio = paired_seconds(grouped, loop, self.repeats, device)
        ways = {"grouped": figures(grouped, grouped_seconds), "loop": figures(loop, loop_seconds)}
        ratios = {
            "calls": ways["loop"]["operator_calls"] / ways["grouped"]["operator_calls"],
            "parameter_tensors": ways["loop"]["parameter_tensors"] / ways["grouped"]["parameter_tensors"],
            "seconds": ratio,
        }
        parameters = sum(parameter.numel() for parameter in model.parameters())
        conditions = {"parameters": parameters, **self.conditions(device)}
        return Comparison("A training step", conditions, ways, ratios)


@torch.no_grad()
def assert_equal_outputs(first: PlainStep[Any], second: PlainStep[Any]) -> None:
    """Check that two models separate alike, in float32 and without dropout.

    Raises:
        AssertionError: If they do not.
    """
    mixture = mix(first.stems)
    outputs = [step.model.eval()(mixture) for step in (first, second)]
    torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-5)
    for step in (first, second):
        step.model.train()


def figures(step: PlainStep[Any], seconds: float) -> Figures:
    """Collect the figures of a step.

    It was made before, so that its optimiser has moments.
    """
    return {
        "operator_calls": operator_calls(step).total(),
        "parameter_tensors": len(list(step.model.parameters())),
        "seconds": seconds,
    }
