"""Training of one method for a given processor time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.comparison import Figures
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.mixing import mix
from bsroformer.data.validation import ValidationExcerpts
from bsroformer.training.optimizer import MakesOptimizer, make_optimizer_of
from bsroformer.training.schedule import MakesScheduler, make_schedule
from bsroformer.training.step import PlainStep
from bsroformer.training.validation_scores import ValidationScores

WARM_UP_STEPS = 3
"""Steps that are not timed, since the first ones allocate memory."""
TIMED_SHARE = 0.05
"""Length of the timing, as a share of the training."""
ANY_LENGTH = 1000
"""Steps of the schedule while steps are timed."""


@dataclass(frozen=True)
class Recipe:
    """What a method trains, and how.

    Attributes:
        model: Builds the model, ``(b c t)`` to ``(b n c t)``.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        scheduler: Makes a schedule of an optimiser and the number of steps.
        seconds: Length of a training excerpt.
        clip: Largest gradient norm; None for any.
        package: Distribution that the model comes from; None for this project.
    """

    model: Callable[[], nn.Module]
    loss: nn.Module
    optimizer: MakesOptimizer
    scheduler: MakesScheduler
    seconds: float
    clip: float | None = None
    package: str | None = None


class Training:
    """A training of a recipe, step by step on the CPU.

    Args:
        recipe: The method.
        data: Its excerpts.
        half: The type of autocast's matmuls; None for float32.
        seed: Seed of the weights.
        steps: Length of the schedule.
    """

    def __init__(self, recipe: Recipe, data: StemsDataModule, half: torch.dtype | None, seed: int, steps: int) -> None:
        torch.manual_seed(seed)
        self.model = recipe.model().train()
        self.recipe = recipe
        self.half = half
        self.batches = training_batches(data)
        self.optimizer = make_optimizer_of(self.model, recipe.optimizer)
        self.schedule = make_schedule(recipe.scheduler, self.optimizer, steps)

    def step(self) -> None:
        """Read a batch and update the weights."""
        stems = next(self.batches)
        loss = PlainStep(self.model, self.recipe.loss, None, stems, self.half).forward()
        loss.backward()
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()


def training_batches(data: StemsDataModule) -> Iterator[Tensor]:
    """Yield batches ``(b n c t)`` without end."""
    while True:
        yield from data.train_dataloader()


def train(
    recipe: Recipe, data: StemsDataModule, half: torch.dtype | None, seed: int, cpu_seconds: float
) -> tuple[nn.Module, Figures]:
    """Train for a processor time, and return the model and the figures of its training.

    The number of steps is measured first, so that the schedule ends with the time.
    """
    trial = Training(recipe, data, half, seed, ANY_LENGTH)
    steps = max(1, round(cpu_seconds / step_seconds(trial, TIMED_SHARE * cpu_seconds)))
    training = Training(recipe, data, half, seed, steps)
    begun = time.process_time()
    for _ in range(steps):
        training.step()
    seconds = time.process_time() - begun
    parameters = sum(parameter.numel() for parameter in training.model.parameters())
    return training.model, {"parameters": parameters, "steps": steps, "cpu_seconds": seconds}


def step_seconds(training: Training, at_least: float) -> float:
    """Measure the processor time of a step, reading included."""
    for _ in range(WARM_UP_STEPS):
        training.step()
    begun = time.process_time()
    seconds = 0.0
    count = 0
    while count == 0 or seconds < at_least:
        training.step()
        count += 1
        seconds = time.process_time() - begun
    return seconds / count


@torch.no_grad()
def score(model: nn.Module, excerpts: ValidationExcerpts, half: torch.dtype | None) -> Figures:
    """Score a model on excerpts: means over excerpts, then over stems, in dB.

    The improvement is that of SI-SDR over the mixture.
    """
    model.eval()
    stems = [str(number) for number in range(len(excerpts[0].stems))]
    scores = ValidationScores(excerpts.pieces, len(stems))
    baseline = ValidationScores(excerpts.pieces, len(stems))
    for excerpt in DataLoader(excerpts):
        mixture = mix(excerpt.stems)
        with torch.autocast("cpu", half, enabled=half is not None):
            estimates = model(mixture)
        mixtures = mixture.unsqueeze(1).expand_as(excerpt.stems)  # (b n c t)
        scores.update(estimates, excerpt.stems, excerpt.piece, excerpt.frames)
        baseline.update(mixtures, excerpt.stems, excerpt.piece, excerpt.frames)
    means = scores.means(stems)
    si_sdr = float(means["si_sdr"])
    improvement = si_sdr - float(baseline.means(stems)["si_sdr"])
    return {"si_sdr": si_sdr, "si_sdr_improvement": improvement, "sdr": float(means["sdr"])}
