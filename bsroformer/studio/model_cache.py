"""The one model in memory."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bsroformer.checkpoints import load_model
from bsroformer.checkpoints.load import configs_beside
from bsroformer.file_state import file_fingerprint
from bsroformer.inference import StreamSeparator
from bsroformer.models import SeparationModel
from bsroformer.studio.catalog import CheckpointOption

Build = Callable[[SeparationModel, Sequence[str], float, int], StreamSeparator]
"""Builds a separator from a model, stems, overlap and shifts; it chooses device, precision and engine."""


class ModelCache:
    """Loads a model once for all songs that use it, and never holds two models.

    For one thread. The caller must drop a separator before it asks for the next one, or its model stays in memory.

    Args:
        build: Builds the separators.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._model: SeparationModel | None = None
        self._model_key: list[Any] | None = None
        self._separator: StreamSeparator | None = None
        self._separator_key: tuple[Any, ...] | None = None

    def separator(self, option: CheckpointOption, stems: Sequence[str], overlap: float, shifts: int) -> StreamSeparator:
        """Return a separator, the same one for the same arguments and the same file.

        Raises:
            InputError: The model cannot be loaded, or does not have these stems.
        """
        model = self._load(option)
        key = (tuple(stems), overlap, shifts)
        if self._separator is None or self._separator_key != key:
            self._drop_separator()  # it may have a copy of the model
            self._separator = self._build(model, stems, overlap, shifts)
            self._separator_key = key
        return self._separator

    def drop(self) -> None:
        """Free the memory until the next call of `separator`."""
        self._model = None
        self._drop_separator()

    def _load(self, option: CheckpointOption) -> SeparationModel:
        key = _fingerprint(option)
        if self._model is None or self._model_key != key:
            self.drop()
            self._model = load_model(option.path, option.config)
            self._model_key = key
        return self._model

    def _drop_separator(self) -> None:
        """Free the separator at once, even from reference cycles of compiled models."""
        self._separator = None
        gc.collect()


def _fingerprint(option: CheckpointOption) -> list[Any]:
    """Describe the state of the checkpoint's file and of its YAML."""
    path = Path(option.path)
    configs = configs_beside(path) if option.config is None else [Path(option.config)]
    return [option.path, option.config, *(file_fingerprint(each) for each in (path, *configs))]
