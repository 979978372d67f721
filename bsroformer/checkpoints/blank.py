"""Models without weights: to be filled from a file, or to be asked for the names and shapes of what they need."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bsroformer.model import BandSplitRoformer, ModelSettings


class Undrawn(TorchFunctionMode):
    """A context in which weights are not drawn at random, so that their memory is not even touched."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`, unless it is one of PyTorch's initialisers: they get their tensor by name and return it."""
        kwargs = kwargs or {}
        initialises = getattr(func, "__module__", None) == nn.init.__name__
        return kwargs["tensor"] if initialises else func(*args, **kwargs)


class Hollow(TorchFunctionMode):
    """A context in which tensors have shapes and no memory.

    A window is not computed either: on the device ``meta`` that takes PyTorch a second and 150 MB of imports.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func` for the device ``meta``."""
        with torch.device("meta"):
            return (torch.empty if func is torch.hann_window else func)(*args, **(kwargs or {}))


def blank_model(settings: ModelSettings) -> BandSplitRoformer:
    """A model in evaluation mode whose weights are what the memory held before: every one is to be filled."""
    with Undrawn():
        return BandSplitRoformer(settings).eval()


def skeleton(settings: ModelSettings) -> BandSplitRoformer:
    """A model whose weights have shapes and no memory."""
    with Hollow():
        return BandSplitRoformer(settings)
