"""Selection of some of a model's stems.

Where the architecture allows, the others are not computed.
"""

from collections.abc import Sequence

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.engines import Engine
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import SelectsStems


def with_stems(model: SeparationModel, stems: Sequence[str]) -> SeparationModel:
    """Return a model with the selected stems.

    It is the model itself if its architecture cannot select.

    Args:
        model: The model, which stays unchanged.
        stems: Names of its stems in the order of the result; case is ignored.

    Returns:
        The smaller model, or `model` itself if it has those stems in that order.

    Raises:
        InputError: If a name is unknown or repeated, or the list is empty.
    """
    chosen = stem_numbers(model.stems, stems)
    all_numbers = list(range(len(model.stems)))
    if chosen == all_numbers or not isinstance(model, SelectsStems):
        return model
    return model.with_stem_numbers(chosen)


def stem_numbers(known: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Find the numbers of stems in a list of known ones.

    Raises:
        InputError: See `with_stems`.
    """
    numbers = {name.casefold(): number for number, name in enumerate(known)}
    chosen = [numbers.get(str(name).casefold(), -1) for name in wanted]
    are_distinct = len(set(chosen)) == len(chosen)
    if not chosen or -1 in chosen or not are_distinct:
        requested = ", ".join(map(str, wanted))
        raise InputError(f"stems=[{requested}]; name one or more of the model's stems {', '.join(known)}, each once")
    return chosen


class SelectedStemsEngine:
    """An engine that computes all stems of its model and returns some of them.

    Args:
        engine: Computes all stems.
        numbers: Numbers of the stems to return, in order.
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
