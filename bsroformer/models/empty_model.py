"""Models without initialised weights, to be filled from a file or inspected."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bsroformer.models.abilities import RecomputesBlocks
from bsroformer.models.registry import build_model
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings


class Unfilled(TorchFunctionMode):
    """Context that skips PyTorch's initialisers of weights.

    Args:
        windows: Compute Hann windows. On the device ``meta``, where tensors have no values, that would take PyTorch a
            second and 150 MB of imports.
    """

    def __init__(self, windows: bool = True) -> None:
        super().__init__()
        self.windows = windows

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`, or return the tensor unchanged for an initialiser."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"]
        if func is torch.hann_window and not self.windows:
            func = torch.empty
        return func(*args, **kwargs)


def blank_model(settings: ModelSettings) -> SeparationModel:
    """Build a model in evaluation mode with uninitialised weights, all to be filled."""
    with Unfilled():
        return build_model(settings).eval()


def skeleton(settings: ModelSettings) -> SeparationModel:
    """Build a model on the device ``meta``: its weights have shapes and no memory."""
    with torch.device("meta"), Unfilled(windows=False):
        return build_model(settings)


def count_recomputable_blocks(settings: ModelSettings) -> int:
    """Count the blocks that a model can recompute in the backward pass."""
    model = skeleton(settings)
    if isinstance(model, RecomputesBlocks):
        return len(model.recomputable_blocks)
    return 0
