"""What an architecture may be able to do besides separating; each ability is asked for with `isinstance`.

Where a model lacks one, the program does without, or refuses what needs it with a sentence.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.models.separation_model import SeparationModel


@runtime_checkable
class SelectsStems(Protocol):
    """Computes some of its stems without the cost of the others."""

    def with_stem_numbers(self, numbers: Sequence[int]) -> SeparationModel:
        """Make a smaller model of some stems, in the given order, that shares this one's weights."""


@runtime_checkable
class RecomputesBlocks(Protocol):
    """Recomputes blocks in the backward pass instead of keeping their activations (arXiv 1604.06174).

    Attributes:
        recomputed_blocks: How many of `recomputable_blocks`, from the first, are recomputed; 0 at first.
    """

    recomputed_blocks: int

    @property
    def recomputable_blocks(self) -> Sequence[nn.Module]:
        """The blocks, in the order in which they are computed."""


def set_recomputed_blocks(model: SeparationModel, count: int) -> None:
    """Recompute the first `count` blocks of a model in its backward pass; 0 suits any model."""
    if isinstance(model, RecomputesBlocks):
        model.recomputed_blocks = count
    elif count:
        raise ValueError(f"{type(model).__name__} recomputes no blocks")


@runtime_checkable
class CompilesBlocks(Protocol):
    """Knows which of its parts are worth compiling, and can be compiled without renaming weights."""

    @property
    def compiled(self) -> bool:
        """Whether they are compiled."""

    def compile_blocks(self) -> None:
        """Compile them in place, at the first input of each length."""


def compile_blocks(model: SeparationModel) -> None:
    """Compile a model's blocks in place.

    Raises:
        InputError: If its architecture has none to compile.
    """
    if not isinstance(model, CompilesBlocks):
        raise InputError(
            f"compile=true cannot be used with architecture {model.settings.architecture}; use compile=false"
        )
    model.compile_blocks()


@runtime_checkable
class HasStemParts(Protocol):
    """Has parts that belong to its stems, so that a model of other stems can start from the weights of the rest.

    Attributes:
        stem_parts: Names of these submodules.
        stem_settings: Groups of settings that only these depend on.
    """

    stem_parts: tuple[str, ...]
    stem_settings: tuple[str, ...]


class RealCore(Protocol):
    """What a model has learned, as a network of real-valued tensors for engines without complex numbers.

    ``join(network(split(mixture)[0]), context, length)`` equals the model's output, with ``context`` from `split`.
    """

    def split(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a mixture ``(1 c t)`` into the network's input, and the context that `join` needs."""

    def network(self) -> nn.Module:
        """Build the network from copies of the weights, in operators that engines fuse; one tensor in, one out."""

    def join(self, output: Tensor, context: Tensor, length: int) -> Tensor:
        """Turn the network's output into stems ``(1 n c t)`` of `length` samples."""


@runtime_checkable
class ExportsRealCore(Protocol):
    """Has a `RealCore`, for OpenVINO and the like."""

    def real_core(self) -> RealCore:
        """Return it; the model must not be moved or changed while it is used."""


@runtime_checkable
class EstimatesActivations(Protocol):
    """Estimates its activations by a formula of its own, where they cannot be counted without computing."""

    def activation_bytes(self, batch_size: int, seconds: float, bytes_per_value: int) -> int:
        """Estimate the bytes that a training step keeps for its backward pass, loss aside."""
