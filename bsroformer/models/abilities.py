"""Optional abilities of an architecture: protocols to check with `isinstance`.

Where a model lacks one, the program works without it, or reports that the feature is not supported.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.models.separation_model import SeparationModel

Shape = tuple[int, int, int]


@runtime_checkable
class SelectsStems(Protocol):
    """A model that can compute some of its stems at a lower cost than all."""

    def with_stem_numbers(self, numbers: Sequence[int]) -> SeparationModel:
        """Make a model of some stems, in the given order, that shares weights."""


@runtime_checkable
class RecomputesBlocks(Protocol):
    """A model that can recompute blocks in the backward pass (arXiv 1604.06174).

    Attributes:
        recomputed_blocks: Number of `recomputable_blocks`, from the first, to recompute; initially 0.
    """

    recomputed_blocks: int

    @property
    def recomputable_blocks(self) -> Sequence[nn.Module]:
        """The blocks, in order of computation."""


def set_recomputed_blocks(model: SeparationModel, count: int) -> None:
    """Recompute the first `count` blocks of a model in its backward pass.

    Raises:
        ValueError: If the model cannot and `count` is not 0.
    """
    if isinstance(model, RecomputesBlocks):
        model.recomputed_blocks = count
    elif count:
        raise ValueError(f"{type(model).__name__} cannot recompute blocks")


@runtime_checkable
class CompilesBlocks(Protocol):
    """A model that can compile its blocks without renaming weights."""

    @property
    def compiled(self) -> bool:
        """True if the blocks are compiled."""

    def compile_blocks(self) -> None:
        """Compile the blocks in place, at the first input of each length."""


def compile_blocks(model: SeparationModel) -> None:
    """Compile a model's blocks in place.

    Raises:
        InputError: If its architecture does not support it.
    """
    if not isinstance(model, CompilesBlocks):
        raise InputError(
            f"compile=true cannot be used with architecture {model.settings.architecture}; use compile=false"
        )
    model.compile_blocks()


@runtime_checkable
class HasStemParts(Protocol):
    """A model with parts that depend on its stems.

    A model of other stems can start from the weights of all other parts.

    Attributes:
        stem_parts: Names of these submodules.
        stem_settings: Groups of settings that affect only these submodules.
    """

    stem_parts: tuple[str, ...]
    stem_settings: tuple[str, ...]


@runtime_checkable
class HasNamedParts(Protocol):
    """A model that names its parts, to train some of them only.

    The parts of other models are their submodules.

    Attributes:
        parts: Names of the submodules of each part; together they have all parameters.
    """

    parts: Mapping[str, tuple[str, ...]]


@runtime_checkable
class HasUpdatableLayers(Protocol):
    """A model that names the layers to which low-rank updates can be added.

    In other models these are all linear layers, by the name ``linear``.
    """

    def updatable_layers(self) -> Mapping[str, Sequence[nn.Module]]:
        """Return the layers of each name."""


class RealCore(Protocol):
    """A model's learned part for engines without complex numbers.

    ``join(network(split(mixture)[0]), context, length)`` equals the model's output, with ``context`` from `split`.
    """

    def split(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a mixture ``(1 c t)`` into the network's input and the context for `join`."""

    def network(self) -> nn.Module:
        """Build the network from copies of the weights; it maps one tensor to another."""

    def join(self, output: Tensor, context: Tensor, length: int) -> Tensor:
        """Turn the network's output into stems ``(1 n c t)`` of `length` samples."""


@runtime_checkable
class ExportsRealCore(Protocol):
    """A model with a `RealCore`, for OpenVINO and similar engines."""

    def real_core(self) -> RealCore:
        """Return the core; the model must not be moved or changed while it is used."""


@runtime_checkable
class HasHiddenMatrices(Protocol):
    """A model that names its matrices between hidden features, for optimisers of matrices."""

    def hidden_matrices(self) -> Iterator[tuple[Tensor, Shape]]:
        """Yield weights with a shape ``(s, r, c)`` in which each is a stack of matrices.

        Query, key and value in one layer, for example, are a stack of three. One axis may be -1, as in `Tensor.view`.
        """


@runtime_checkable
class EstimatesActivations(Protocol):
    """A model with its own formula for the memory of its activations."""

    def activation_bytes(self, batch_size: int, seconds: float, bytes_per_value: int) -> int:
        """Estimate the bytes that a training step saves for its backward pass."""
