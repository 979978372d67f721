"""Decide whether to compile a model's blocks, and do so."""

from typing import Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn

from bsroformer.cli.resolved_config import AUTO
from bsroformer.devices import compiler_problem
from bsroformer.errors import InputError
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import CompilesBlocks, compile_blocks


def compile_as_configured(model: SeparationModel, choice: bool | Literal["auto"], device: torch.device) -> None:
    """Compile a model's blocks in place if that is wanted and possible.

    Args:
        model: The model.
        choice: The key ``compile``; ``auto`` compiles on CUDA and ROCm, and warns if PyTorch cannot compile there.
        device: The device of this process.

    Raises:
        InputError: If `choice` is True, and the architecture or PyTorch cannot compile.
    """
    if choice is False:
        return
    if choice == AUTO and (device.type != "cuda" or not isinstance(model, CompilesBlocks)):
        return
    problem = compiler_problem(device)
    if problem is None:
        compile_blocks(model)
        return
    if choice is True:
        raise InputError(
            f"compile=true, but PyTorch cannot compile for {device.type} here ({problem}); use compile=auto or "
            "compile=false"
        )
    rank_zero_warn(
        f"The model is trained without compilation, which takes longer: PyTorch cannot compile for {device.type} "
        f"here ({problem}). compile=false hides this message; docs/training.md#compilation lists what is needed."
    )
