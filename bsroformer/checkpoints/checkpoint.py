"""A parsed checkpoint, in the common form that `native.py` and `public.py` return."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.ledger import Ledger
from bsroformer.checkpoints.weight_file import WeightFile, release_pages
from bsroformer.errors import InputError
from bsroformer.models.differences import Difference, disagreement
from bsroformer.models.empty_model import blank_model
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot

AVERAGED = "averaging_state"
"""Entry that Lightning's `WeightAveraging` writes to a checkpoint whose ``state_dict`` is an average."""


@dataclass(frozen=True)
class Checkpoint:
    """A model whose weights are still in their file.

    Attributes:
        file: The file that holds the weights.
        origin: Description of the program that wrote it.
        settings: Settings of the model.
        weights: The tensors, by their keys in the file.
        slots: The weight of the model that each tensor fills.
        differences: Contradictions of weights and settings; a model can be built only if there are none.
        config: The YAML of a public checkpoint.
        notes: Assumptions that were made, one sentence each.
        ledger: Its training data and their licences; None if the file does not hold them.
    """

    file: WeightFile
    origin: str
    settings: ModelSettings
    weights: dict[str, Tensor]
    slots: Sequence[TensorSlot]
    differences: Sequence[Difference] = ()
    config: YamlFile | None = None
    notes: tuple[str, ...] = ()
    ledger: Ledger | None = None

    @property
    def averaged(self) -> bool:
        """True if the weights are averages over training steps (EMA)."""
        return AVERAGED in self.file.entries

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files that were read: the weights, and the YAML if there is one."""
        if self.config is None:
            return (self.file.path,)
        return (self.file.path, self.config.path)

    def check(self) -> None:
        """Check that weights and settings agree.

        Raises:
            InputError: If they do not, naming the differences.
        """
        if self.differences:
            raise disagreement(self.differences, self.file.path, self.config)

    @torch.no_grad()
    def model(self) -> SeparationModel:
        """Build the model in evaluation mode and float32, on the CPU.

        Raises:
            InputError: See `check`; or if a weight is not a number.
        """
        self.check()
        model = blank_model(self.settings)
        own = model.state_dict()
        for slot in self.slots:
            own[slot.ours][slot.index].copy_(self.weights[slot.theirs])
            release_pages(self.weights[slot.theirs])
        self._check_finite(own)
        return model

    def _check_finite(self, weights: dict[str, Tensor]) -> None:
        # The sum is quick, and finite weights may overflow in it.
        suspect = [name for name, weight in weights.items() if not weight.sum().isfinite()]
        broken = [name for name in suspect if not weights[name].isfinite().all()]
        if broken:
            raise InputError(
                f"{self.file.path} holds NaN or infinity in {len(broken)} of its weights, such as {broken[0]}, because "
                "its training diverged or the file is damaged; use an earlier checkpoint, or download the file again"
            )
