"""Some of a model's stems: what the others would cost is not computed where the model can do without."""

from collections.abc import Sequence

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.engines import Engine
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import SelectsStems


def with_stems(model: SeparationModel, stems: Sequence[str]) -> SeparationModel:
    """Make a model with fewer outputs; where its architecture cannot, return the model itself.

    Args:
        model: Is not changed.
        stems: Names of its stems, in the order to have; capitals do not matter.

    Returns:
        The smaller model, or `model` itself if it has those stems in that order.

    Raises:
        InputError: If a name is none of its stems, or given twice, or there is none.
    """
    chosen = stem_numbers(model.stems, stems)
    if chosen == list(range(len(model.stems))) or not isinstance(model, SelectsStems):
        return model
    return model.with_stem_numbers(chosen)


def stem_numbers(known: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Find the places of stems among those that are known.

    Raises:
        InputError: See `with_stems`.
    """
    numbers = {name.casefold(): number for number, name in enumerate(known)}
    chosen = [numbers.get(str(name).casefold(), -1) for name in wanted]
    if not chosen or -1 in chosen or len(set(chosen)) < len(chosen):
        asked = ", ".join(map(str, wanted))
        raise InputError(f"stems=[{asked}]: name one or more of the model's stems {', '.join(known)}, each once")
    return chosen


class PickedStems:
    """An engine that computes all stems of its model and returns some of them.

    Args:
        engine: Computes all.
        numbers: Places of those to return, in their order.
    """

    def __init__(self, engine: Engine, numbers: Sequence[int]) -> None:
        self.engine = engine
        self.numbers = list(numbers)
        self.half = engine.half

    @property
    def choice(self) -> str:
        """See `Engine`."""
        return self.engine.choice

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        return self.engine(windows)[:, self.numbers]
