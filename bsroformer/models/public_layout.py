"""Interface to checkpoints in the layout of other programs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from bsroformer.models.differences import Difference
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot


@dataclass(frozen=True)
class PublicModel:
    """A model parsed from public weights and their YAML.

    Attributes:
        title: Name of the public model.
        settings: Settings of the model.
        slots: The weight of the model that each tensor fills.
        differences: Contradictions of weights and YAML.
        notes: Assumptions that were made, one sentence each.
    """

    title: str
    settings: ModelSettings
    slots: Sequence[TensorSlot]
    differences: Sequence[Difference]
    notes: tuple[str, ...]


class PublicLayout(Protocol):
    """Reader and writer of the files of one family of public models.

    Attributes:
        titles: Names of the public models.
    """

    titles: tuple[str, ...]

    def recognizes(self, keys: Collection[str]) -> bool:
        """Check whether weights of these names are of this family."""

    def read(self, weights: dict[str, Tensor], config: YamlFile | None, source: Path) -> PublicModel:
        """Parse weights, and remove those without effect from `weights`.

        Args:
            weights: By public key.
            config: Their YAML; without it the facts that weights do not hold are assumed.
            source: The file of the weights, for messages.

        Raises:
            InputError: If they do not make up a supported model.
        """

    def slots(self, settings: ModelSettings) -> Sequence[TensorSlot]:
        """Return the weight of a model that each tensor of a file fills."""

    def write(self, model: SeparationModel) -> tuple[dict[str, Tensor], str]:
        """Return the weights in the public layout and the text of the YAML.

        Raises:
            InputError: If the public code has no such model.
        """
