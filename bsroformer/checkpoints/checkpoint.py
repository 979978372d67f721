"""A checkpoint, whoever wrote it, once it is understood: what `native.py` and `public.py` make of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.weight_file import WeightFile, forget
from bsroformer.errors import InputError
from bsroformer.models.blank import blank_model
from bsroformer.models.differences import Difference, disagreement
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot

AVERAGED = "averaging_state"
"""Lightning's `WeightAveraging` leaves this entry in a checkpoint whose ``state_dict`` is an average."""


@dataclass(frozen=True)
class Checkpoint:
    """A model whose weights are still in their file.

    Attributes:
        file: Where they are.
        origin: Whose they are, in words.
        settings: The model.
        weights: The tensors, by their own keys.
        slots: Where each belongs in the model.
        differences: Where weights and settings disagree; a model can be built only if there are none.
        config: The YAML of a public checkpoint.
        notes: What had to be assumed.
    """

    file: WeightFile
    origin: str
    settings: ModelSettings
    weights: dict[str, Tensor]
    slots: Sequence[TensorSlot]
    differences: Sequence[Difference] = ()
    config: YamlFile | None = None
    notes: tuple[str, ...] = ()

    @property
    def averaged(self) -> bool:
        """Whether its weights are averages over training steps (EMA), as Lightning's `WeightAveraging` keeps them."""
        return AVERAGED in self.file.entries

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read: the weights, and the YAML if there is one."""
        return (self.file.path, *([] if self.config is None else [self.config.path]))

    def check(self) -> None:
        """Make sure that weights and settings agree.

        Raises:
            InputError: Naming where they do not.
        """
        if self.differences:
            raise disagreement(self.differences, self.file.path, self.config)

    @torch.no_grad()
    def model(self) -> SeparationModel:
        """The model, in evaluation mode and float32, on the CPU.

        Raises:
            InputError: See `check`; or if a weight is not a number.
        """
        self.check()
        model = blank_model(self.settings)
        own = model.state_dict()
        for slot in self.slots:
            own[slot.ours][slot.index].copy_(self.weights[slot.theirs])
            forget(self.weights[slot.theirs])
        # The sum is quick, and finite weights may overflow in it.
        suspect = [name for name, weight in own.items() if not weight.sum().isfinite()]
        if broken := [name for name in suspect if not own[name].isfinite().all()]:
            raise InputError(
                f"{self.file.path} holds NaN or infinity in {len(broken)} of its weights, such as {broken[0]}: "
                "its training went astray, or the file is damaged"
            )
        return model
