"""A model with some of another's stems: what the others would cost is not computed."""

from collections.abc import Sequence

import torch

from bsroformer.checkpoints.blank import blank_model
from bsroformer.errors import InputError
from bsroformer.model import BandSplitRoformer


@torch.no_grad()
def with_stems(model: BandSplitRoformer, stems: Sequence[str]) -> BandSplitRoformer:
    """The same model with fewer outputs; the trunk's weights are shared, not copied.

    Args:
        model: Is left as it is.
        stems: Names of its stems, in the order to have; capitals do not matter.

    Returns:
        The smaller model, or `model` itself if it has those stems in that order.

    Raises:
        InputError: If a name is none of its stems, or given twice, or there is none.
    """
    chosen = stem_numbers(model.stems, stems)
    if chosen == list(range(len(model.stems))):
        return model
    smaller = blank_model(model.settings.model_copy(update={"stems": tuple(model.stems[number] for number in chosen)}))
    weights = model.state_dict()
    weights |= {f"mask_estimators.{name}": weight for name, weight in model.mask_estimators.weights_of(chosen).items()}
    smaller.load_state_dict(weights, assign=True)
    return smaller


def stem_numbers(known: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where stems stand among those that are known.

    Raises:
        InputError: See `with_stems`.
    """
    numbers = {name.casefold(): number for number, name in enumerate(known)}
    chosen = [numbers.get(str(name).casefold(), -1) for name in wanted]
    if not chosen or -1 in chosen or len(set(chosen)) < len(chosen):
        asked = ", ".join(map(str, wanted))
        raise InputError(f"stems=[{asked}]: name one or more of the model's stems {', '.join(known)}, each once")
    return chosen
