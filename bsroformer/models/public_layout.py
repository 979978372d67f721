"""An architecture's checkpoints as other programs write and read them."""

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
    """A model that was understood from public weights and their YAML.

    Attributes:
        title: Name of the public model.
        settings: Its sizes.
        slots: Where each tensor belongs.
        differences: Where weights and YAML disagree.
        notes: What had to be assumed.
    """

    title: str
    settings: ModelSettings
    slots: Sequence[TensorSlot]
    differences: Sequence[Difference]
    notes: tuple[str, ...]


class PublicLayout(Protocol):
    """Reads and writes the files of one family of public models.

    Attributes:
        titles: Names of the public models.
    """

    titles: tuple[str, ...]

    def recognizes(self, keys: Collection[str]) -> bool:
        """Whether weights of these names are of this family."""

    def read(self, weights: dict[str, Tensor], config: YamlFile | None, source: Path) -> PublicModel:
        """Understand weights; those that change nothing are removed from `weights`.

        Args:
            weights: By public key.
            config: Their YAML; without it what weights do not hold is assumed.
            source: The file of the weights, for messages.

        Raises:
            InputError: If they are not of a model that can be built.
        """

    def write(self, model: SeparationModel) -> tuple[dict[str, Tensor], str]:
        """Return the weights in the public layout and the text of the YAML.

        Raises:
            InputError: If there is no such public model.
        """
