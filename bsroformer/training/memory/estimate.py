"""Memory of a training step: an estimate, and the peak of real steps."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.hardware import GIB
from bsroformer.models import ModelSettings, SeparationModel, build_model
from bsroformer.models.abilities import EstimatesActivations, set_recomputed_blocks
from bsroformer.models.adaptation import Adaptation, adapt, store_frozen
from bsroformer.models.empty_model import skeleton
from bsroformer.training.memory.activations import NEEDS_VALUES, GpuAttention, ShapeOnlyMode, peak_activations
from bsroformer.training.optimizer import MakesOptimizer, first_states
from bsroformer.training.step import PlainStep, noise_stems

CONTEXT = GIB // 2
"""Allowance for CUDA's context and its libraries' workspaces: 0.3 to 0.6 GiB on consumer cards."""
PASSING = 0.15
"""Allowance for temporary tensors of the backward pass and for fragmentation, as a share of the activations."""


ADAMW_SHARE = 2.0
"""Bytes of AdamW's state, two moments, per byte of parameters."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a training step takes on a GPU.

    Attributes:
        weights: Parameters and buffers.
        gradients: As large as the trained parameters.
        optimizer: The optimiser's state: two moments with AdamW.
        average: The averages (EMA) of trained parameters, if they are kept.
        activations: What the forward pass saves for the backward pass, at the peak of the latter.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int

    @property
    def allowance(self) -> int:
        """For what is not counted: see `CONTEXT` and `PASSING`."""
        return CONTEXT + round(PASSING * self.activations)

    @property
    def counted(self) -> int:
        """The sum of the attributes."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations

    @property
    def total(self) -> int:
        """The sum with the allowance."""
        return self.counted + self.allowance


@dataclass(frozen=True)
class StepSize:
    """The settings of a step that decide how much memory it takes.

    Attributes:
        batch_size: Excerpts in a step.
        seconds: Length of an excerpt.
        recomputed_blocks: Number of blocks that are recomputed in the backward pass.
        half: The type of autocast's matmuls; None for float32.
        averaged: Whether averaged weights are kept.
        optimizer_share: Bytes of the optimiser's state per byte of trained parameters; see `optimizer_share`.
        on_cpu: Whether a CPU computes it, whose attention uses float32 and stores a dropout mask.
        adaptation: The trained weights; None for all.
    """

    batch_size: int
    seconds: float
    recomputed_blocks: int = 0
    half: torch.dtype | None = None
    averaged: bool = False
    optimizer_share: float = ADAMW_SHARE
    on_cpu: bool = False
    adaptation: Adaptation | None = None


def estimate_memory(settings: ModelSettings, make_loss: Callable[[], nn.Module], size: StepSize) -> MemoryEstimate:
    """Estimate the memory of a training step, on any machine.

    Model and loss make a forward pass in `ShapeOnlyMode`.

    The saved activations are counted as on a CPU, whose operators save what CUDA's do, except for attention (see
    `GpuAttention`); an architecture with the ability `EstimatesActivations` has a formula instead.

    Raises:
        InputError: If the architecture has none, and what it computes depends on values.
    """
    with ShapeOnlyMode():
        model = build_model(settings).train()
        if size.adaptation is not None:
            adapt(model, size.adaptation)
            store_frozen(model, size.half)
        set_recomputed_blocks(model, size.recomputed_blocks)
        stems = noise_stems(settings, size.batch_size, size.seconds)
        step = PlainStep(model, make_loss(), None, stems, size.half)
        activations = estimate_activations(step, size)
    trained = total_bytes(trained_parameters(model))
    return MemoryEstimate(
        weights=total_bytes(model.parameters()) + total_bytes(model.buffers()),
        gradients=trained,
        optimizer=round(size.optimizer_share * trained),
        average=trained if size.averaged else 0,
        activations=activations,
    )


def estimate_activations(step: PlainStep[SeparationModel], size: StepSize) -> int:
    """Estimate the bytes that a step keeps for its backward pass.

    The step has no values: see `estimate_memory`.
    """
    model = step.model
    if isinstance(model, EstimatesActivations):
        bytes_per_value = torch.finfo(size.half or torch.float32).bits // 8
        return model.activation_bytes(size.batch_size, size.seconds, bytes_per_value)
    try:
        with nullcontext() if size.on_cpu else GpuAttention(size.half):
            return peak_activations(step)
    except NEEDS_VALUES as error:
        raise InputError(
            f"the memory of architecture {model.settings.architecture} cannot be estimated, since what it computes "
            f"depends on values ({str(error).splitlines()[0]:.80}); measure it in a short training"
        ) from error


def optimizer_share(
    settings: ModelSettings, make_optimizer: MakesOptimizer, adaptation: Adaptation | None = None
) -> float:
    """Compute the bytes of an optimiser's state per byte of a model's trained parameters.

    2 for AdamW, 0 for SGD, and 2 for an optimiser whose state depends on values.
    """
    model = skeleton(settings)
    if adaptation is not None:
        adapt(model, adaptation)
    states = first_states(model, make_optimizer)
    if states is None:
        return ADAMW_SHARE
    moments = [value for state in states for value in state.values() if isinstance(value, Tensor) and value.ndim > 0]
    return total_bytes(moments) / total_bytes(trained_parameters(model))


def trained_parameters(model: nn.Module) -> list[nn.Parameter]:
    """List the parameters that have gradients."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def total_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' elements."""
    return sum(tensor.nbytes for tensor in tensors)


def peak_of_steps(step: PlainStep[Any]) -> int:
    """Measure the bytes that PyTorch reserves on a CUDA GPU for real steps.

    CUDA's context is not included.

    Two steps are made: the first creates the optimiser's state, the second has it from its start.

    Raises:
        torch.OutOfMemoryError: If they do not fit.
    """
    device = step.stems.device
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    for _ in range(2):
        step()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_reserved(device)
