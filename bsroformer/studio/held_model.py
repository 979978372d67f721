"""The one model in memory."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bsroformer.checkpoints import load_model
from bsroformer.checkpoints.load import configs_beside
from bsroformer.file_state import file_fingerprint
from bsroformer.inference import StreamSeparator
from bsroformer.model import BandSplitRoformer
from bsroformer.studio.menu import Offer

Build = Callable[[BandSplitRoformer, Sequence[str], float, int], StreamSeparator]
"""Makes a separator of a model, stems, overlap and shifts; device, precision and engine are its own to choose."""


class HeldModel:
    """Loads a model once for all the songs that want it, and never holds two: another one takes its place.

    One thread may use it. Who was given a separator must let go of it before asking for another one, or the model in
    it stays in memory too.

    Args:
        build: Makes the separators.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._model: BandSplitRoformer | None = None
        self._separator: StreamSeparator | None = None
        self._loaded: list[Any] | None = None  # what the model was loaded from
        self._built: tuple[Any, ...] | None = None  # what the separator was built with

    def separator(self, offer: Offer, stems: Sequence[str], overlap: float, shifts: int) -> StreamSeparator:
        """A separator of a checkpoint: the same one for the same arguments, as long as the file stays as it is.

        Args:
            offer: The checkpoint.
            stems: Those of its stems to compute, in the order to have.
            overlap: See `Separator`.
            shifts: See `Separator`.

        Raises:
            InputError: If the model cannot be loaded, or does not go with the rest.
        """
        model = self._of(offer)
        wanted = (tuple(stems), overlap, shifts)
        if self._separator is None or self._built != wanted:
            self._let_go()  # of an engine's copy of the model
            self._separator, self._built = self._build(model, stems, overlap, shifts), wanted
        return self._separator

    def drop(self) -> None:
        """Hold no model, until one is wanted again."""
        self._model = None
        self._let_go()

    def _of(self, offer: Offer) -> BandSplitRoformer:
        source = _source(offer)
        if self._model is None or self._loaded != source:
            self.drop()
            self._model, self._loaded = load_model(offer.path, offer.config), source
        return self._model

    def _let_go(self) -> None:
        """Take the separator out of memory, at once even if it is in circles of references, as compiled models are."""
        self._separator = None
        gc.collect()


def _source(offer: Offer) -> list[Any]:
    """What changes when the checkpoint does, or the YAML that is read beside it."""
    path = Path(offer.path)
    configs = configs_beside(path) if offer.config is None else [Path(offer.config)]
    return [offer.path, offer.config, *(file_fingerprint(each) for each in (path, *configs))]
