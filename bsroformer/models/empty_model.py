"""Models without weights: to be checked, filled from a file, or asked for names and shapes."""

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
    """A context in which new weights are not drawn at random, so that their memory is not even touched.

    Args:
        windows: Whether Hann windows are computed. On the device ``meta``, where tensors have no values, that would
            take PyTorch a second and 150 MB of imports.
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
        """Call `func`, unless it is one of PyTorch's initialisers: they get their tensor by name and return it."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"]
        if func is torch.hann_window and not self.windows:
            func = torch.empty
        return func(*args, **kwargs)


def blank_model(settings: ModelSettings) -> SeparationModel:
    """Build a model in evaluation mode whose weights are uninitialised memory: every one is to be filled."""
    with Unfilled():
        return build_model(settings).eval()


def skeleton(settings: ModelSettings) -> SeparationModel:
    """Build a model whose weights have shapes and no memory."""
    with torch.device("meta"), Unfilled(windows=False):
        return build_model(settings)


def count_recomputable_blocks(settings: ModelSettings) -> int:
    """Count the blocks that a model can recompute in the backward pass; 0 if it cannot."""
    model = skeleton(settings)
    return len(model.recomputable_blocks) if isinstance(model, RecomputesBlocks) else 0
