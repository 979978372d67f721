"""Models without weights: to be checked, filled from a file, or asked for the names and shapes of what they need."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bsroformer.errors import InputError
from bsroformer.model import BandSplitRoformer, ModelSettings
from bsroformer.model.roformer import band_layout


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


def blank_model(settings: ModelSettings) -> BandSplitRoformer:
    """A model in evaluation mode whose weights are what the memory held before: every one is to be filled."""
    with Unfilled():
        return BandSplitRoformer(settings).eval()


def skeleton(settings: ModelSettings) -> BandSplitRoformer:
    """A model whose weights have shapes and no memory."""
    with torch.device("meta"), Unfilled(windows=False):
        return BandSplitRoformer(settings)


def with_fitting_bands(settings: ModelSettings, source: str) -> ModelSettings:
    """The settings, if their bands cover their spectrum.

    Raises:
        InputError: If they do not, naming the source of the settings.
    """
    try:
        band_layout(settings)
    except InputError as error:
        raise InputError(f"{source} does not describe a model: {error}") from error
    return settings
