"""`PublicLayout` of BS-RoFormer and Mel-Band RoFormer models."""

from collections.abc import Collection, Sequence
from pathlib import Path

from torch import Tensor

from bsroformer.models.bs_roformer.public.keys import tensor_slots
from bsroformer.models.bs_roformer.public.options import TITLES
from bsroformer.models.bs_roformer.public.read import read_roformer
from bsroformer.models.bs_roformer.public.shapes import FIRST_KEY
from bsroformer.models.bs_roformer.public.write import to_public
from bsroformer.models.bs_roformer.settings import RoformerSettings
from bsroformer.models.public_layout import PublicModel
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot


class RoformerLayout:
    """Reader and writer of their files: see `PublicLayout`."""

    titles = tuple(TITLES.values())

    def recognizes(self, keys: Collection[str]) -> bool:
        """Check whether the keys include the band split of these models."""
        return FIRST_KEY in keys

    def read(self, weights: dict[str, Tensor], config: YamlFile | None, source: Path) -> PublicModel:
        """Parse weights and their YAML."""
        return read_roformer(weights, config, source)

    def slots(self, settings: ModelSettings) -> Sequence[TensorSlot]:
        """Return the weight of a model that each public tensor fills."""
        assert isinstance(settings, RoformerSettings)
        return list(tensor_slots(settings))

    def write(self, model: SeparationModel) -> tuple[dict[str, Tensor], str]:
        """Return weights and text of the YAML."""
        return to_public(model)
