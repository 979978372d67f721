"""Models of which some weights are trained and the others frozen."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.models.abilities import HasNamedParts, HasUpdatableLayers
from bsroformer.models.low_rank import LowRank, add_update, merge_update
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import Settings

LINEAR = "linear"
"""Name of the layers that can have updates, in an architecture that names none."""
Names = tuple[Annotated[str, Field(min_length=1, max_length=100)], ...]


class LoraSettings(Settings):
    """Low-rank updates: see `bsroformer.models.low_rank`.

    Attributes:
        rank: Rank of each update.
        alpha: Factor of the updates, times the rank.
        layers: Names of the layers with an update.
    """

    rank: Annotated[int, Field(gt=0, le=2**12)]
    alpha: Annotated[float, Field(gt=0, le=10**6, allow_inf_nan=False)]
    layers: Annotated[Names, Field(min_length=1, max_length=100)]

    def __str__(self) -> str:
        return f"LoRA of rank {self.rank}, alpha {self.alpha:g}, in {', '.join(self.layers)}"


class BaseModelFacts(Settings):
    """The model whose weights are frozen.

    Attributes:
        name: Its file, or address on the Hub, as given.
        digest: SHA-256 of its weights, as `bsroformer.checkpoints.digest` computes it.
    """

    name: Annotated[str, Field(min_length=1, max_length=4096)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Adaptation(Settings):
    """The trained weights of a model whose other weights are frozen.

    Attributes:
        lora: Low-rank updates of frozen weights, if there are any.
        train_only: Parts of the model that are trained themselves.
        base: The model that the frozen weights come from; None if it is unknown yet.
    """

    lora: LoraSettings | None = None
    train_only: Annotated[Names, Field(max_length=100)] = ()
    base: BaseModelFacts | None = None

    def __str__(self) -> str:
        parts = [] if self.lora is None else [str(self.lora)]
        if self.train_only:
            parts.append(f"{', '.join(self.train_only)} trained in full")
        return "; ".join(parts)


def parts_of(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Return the names of a model's parts, and the submodules of each."""
    if isinstance(model, HasNamedParts):
        return dict(model.parts)
    names = (name.partition(".")[0] for name, _ in model.named_parameters())
    return {name: (name,) for name in dict.fromkeys(names)}


def part_of(parameter: str, parts: Mapping[str, Sequence[str]]) -> str | None:
    """Return the name of the part that a parameter belongs to."""
    for name, modules in parts.items():
        if any(parameter == module or parameter.startswith(f"{module}.") for module in modules):
            return name
    return None


def updatable_layers(model: nn.Module) -> dict[str, Sequence[nn.Module]]:
    """Return the layers of a model that can have low-rank updates, by name."""
    if isinstance(model, HasUpdatableLayers):
        return dict(model.updatable_layers())
    return {LINEAR: [module for module in model.modules() if isinstance(module, nn.Linear)]}


def check_names(names: Sequence[str], known: Mapping[str, object], key: str, kind: str) -> None:
    """Check the names of parts or layers.

    Args:
        names: The names.
        known: The names that the model has.
        key: The key that holds the names, for the message.
        kind: What they name, for the message.

    Raises:
        InputError: Naming the unknown name and the known ones.
    """
    for name in names:
        if name not in known:
            raise InputError(f"{key} names {name!r:.60}, and the {kind} of this model are {', '.join(known)}")


def adapt(model: SeparationModel, adaptation: Adaptation) -> None:
    """Add low-rank updates to a model and freeze all weights that are not trained, in place.

    Raises:
        InputError: If the model has no such layers or parts.
    """
    parts = parts_of(model)
    check_names(adaptation.train_only, parts, "train_only", "parts")
    model.requires_grad_(False)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(part_of(name, parts) in adaptation.train_only)
    if adaptation.lora is not None:
        _add_updates(model, adaptation.lora)
    model.adaptation = adaptation


def _add_updates(model: SeparationModel, lora: LoraSettings) -> None:
    layers = updatable_layers(model)
    check_names(lora.layers, layers, "lora.layers", "layers with updates")
    for name in dict.fromkeys(lora.layers):
        for layer in layers[name]:
            is_frozen = not any(parameter.requires_grad for parameter in layer.parameters())
            if is_frozen and not isinstance(layer, LowRank):
                add_update(layer, lora.rank, lora.alpha)


def merge(model: SeparationModel) -> SeparationModel:
    """Add all low-rank updates to the weights they belong to, in place.

    Returns:
        The model, without updates and frozen weights.
    """
    for module in list(model.modules()):
        if isinstance(module, LowRank):
            merge_update(module)
    model.adaptation = None
    return model.requires_grad_(True)


def trained_names(model: nn.Module) -> list[str]:
    """List the parameters of a model that are trained."""
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def frozen_names(model: SeparationModel) -> list[str]:
    """List the weights that a file of the trained weights lacks: none if the model is not adapted."""
    if model.adaptation is None:
        return []
    trained = set(trained_names(model))
    return [name for name in model.state_dict() if name not in trained]


def saved_weights(model: SeparationModel) -> dict[str, Tensor]:
    """Return the weights that a file of the model holds: of an adapted model, those that are trained."""
    frozen = set(frozen_names(model))
    return {name: weight for name, weight in model.state_dict().items() if name not in frozen}


def store_frozen(model: SeparationModel, half: torch.dtype | None) -> None:
    """Store the frozen matrices in the type that autocast computes in; None leaves them as they are.

    Autocast converts weights to this type for each product, so that the outputs do not change. Scales and biases stay
    float32.
    """
    if half is None:
        return
    for module in model.modules():
        weight = module._parameters.get("weight")
        if weight is None or weight.requires_grad or weight.ndim < 2 or isinstance(module, nn.Embedding):
            continue
        module.weight = nn.Parameter(weight.detach().to(half), requires_grad=False)
