"""The mean of several models' weights, which is often a better model than each of them."""

from collections.abc import Sequence

import torch

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.start import changes
from bsroformer.errors import InputError
from bsroformer.models.separation_model import SeparationModel


@torch.no_grad()
def average_of(checkpoints: Sequence[Checkpoint]) -> SeparationModel:
    """The model whose weights are the means of those of several: of moments of one training, or of trainings from one.

    Weights of trainings that began apart have no useful mean (Wortsman et al., Model soups, arXiv 2203.05482).

    Args:
        checkpoints: Two or more, of equal settings; the length of excerpts and dropout may differ. The first one's
            are the average's.

    Returns:
        The model, in evaluation mode and float32, on the CPU. Two models at a time are in memory.

    Raises:
        InputError: If there are fewer, if one cannot be loaded, or naming the settings that differ.
    """
    if len(checkpoints) < 2:
        raise InputError("an average is made of two checkpoints or more: give ckpt=[a.ckpt,b.ckpt]")
    first, *others = checkpoints
    for other in others:
        _check_alike(first, other)
    mean = first.model()
    for number, other in enumerate(others, 2):  # a running mean: that of equal weights is equal to them
        means, weights = mean.state_dict(), other.model().state_dict()
        torch._foreach_lerp_(list(means.values()), [weights[name] for name in means], 1 / number)
    return mean


def _check_alike(first: Checkpoint, other: Checkpoint) -> None:
    differences = list(changes(first.settings, other.settings))
    if first.settings.stems != other.settings.stems:
        named = (", ".join(checkpoint.settings.stems) for checkpoint in (first, other))
        differences.insert(0, "model.stems is {}, and there {}".format(*named))
    if differences:
        raise InputError(
            f"{first.file.path} and {other.file.path} are different models, which have no average: "
            f"{'; '.join(differences)}; choose checkpoints of equal settings"
        )
