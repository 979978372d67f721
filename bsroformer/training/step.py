"""A training step without Lightning, to be counted, timed or measured."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bsroformer.data.mixing import mix
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.training.optimizer import MakesOptimizer, make_optimizer_of

M = TypeVar("M", bound=nn.Module)
NOISE_AMPLITUDE = 0.1
"""Amplitude of white noise at -20 dBFS."""


@dataclass(frozen=True)
class PlainStep(Generic[M]):
    """Forward, loss, backward and optimiser step on the same batch each time.

    Attributes:
        model: ``(b c t)`` to ``(b n c t)``, in training mode.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: The optimiser of the model's parameters; None if only forward passes are made.
        stems: The batch ``(b n c t)``, on the model's device.
        half: The type of autocast's matmuls; None for float32.
    """

    model: M
    loss: nn.Module
    optimizer: Optimizer | None
    stems: Tensor
    half: torch.dtype | None = None

    def autocast(self) -> torch.autocast:
        """Return the context of the forward pass, as Lightning sets it.

        It has no cache of converted weights.
        """
        is_used = self.half is not None
        return torch.autocast(self.stems.device.type, self.half, enabled=is_used, cache_enabled=False)

    def forward(self) -> Tensor:
        """The loss, a scalar."""
        with self.autocast():
            estimates = self.model(mix(self.stems))  # (b n c t)
            loss, _ = self.loss(estimates, self.stems)
        return loss

    def __call__(self) -> None:
        """Make the step."""
        assert self.optimizer is not None
        self.forward().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def plain_step(
    model: M,
    loss: nn.Module,
    optimizer: MakesOptimizer,
    stems: Tensor,
    half: torch.dtype | None = None,
) -> PlainStep[M]:
    """Build a step of the model on the device of `stems`.

    `optimizer` makes an optimiser of parameter groups.
    """
    model = model.to(stems.device).train()
    loss = loss.to(stems.device)
    return PlainStep(model, loss, make_optimizer_of(model, optimizer), stems, half)


def noise_stems(settings: ModelSettings, batch_size: int, seconds: float) -> Tensor:
    """A batch of stems ``(b n c t)``, the same white noise at -20 dBFS each time.

    Raises:
        InputError: If the batch or an excerpt is empty.
    """
    frames = round(seconds * settings.sample_rate)
    if batch_size < 1 or frames < 1:
        raise InputError(f"batch_size={batch_size} and seconds={seconds} make an empty batch; raise them")
    shape = (batch_size, len(settings.stems), settings.channels, frames)
    generator = torch.Generator().manual_seed(0)
    return NOISE_AMPLITUDE * torch.randn(shape, generator=generator)
