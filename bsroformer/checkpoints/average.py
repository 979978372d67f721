"""Mean of the weights of several models, often a better model than each of them."""

from collections.abc import Sequence

import torch

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.ledger import Ledger, base_of, joint_ledger
from bsroformer.checkpoints.warm_start import differing_settings
from bsroformer.errors import InputError
from bsroformer.models.separation_model import SeparationModel


@torch.no_grad()
def average_checkpoints(checkpoints: Sequence[Checkpoint]) -> SeparationModel:
    """Build the model whose weights are the means of those of several checkpoints.

    The checkpoints come from one training, or from trainings with a common start: weights of trainings that started
    apart have no useful mean (Wortsman et al., Model soups, arXiv 2203.05482).

    Args:
        checkpoints: Two or more, of equal settings; the length of excerpts and dropout may differ. The average takes
            those of the first.

    Returns:
        The model, in evaluation mode and float32, on the CPU. Two models at a time are in memory.

    Raises:
        InputError: If there are fewer than two, if one cannot be loaded, or naming the settings that differ.
    """
    if len(checkpoints) < 2:
        raise InputError("an average needs at least two checkpoints; give ckpt=[a.ckpt,b.ckpt]")
    first, *others = checkpoints
    for other in others:
        _check_alike(first, other)
    mean = first.model()
    means = mean.state_dict()
    for number, other in enumerate(others, 2):  # a running mean: that of equal weights is equal to them
        weights = other.model().state_dict()
        ordered = [weights[name] for name in means]
        torch._foreach_lerp_(list(means.values()), ordered, 1 / number)
    return mean


def average_ledger(checkpoints: Sequence[Checkpoint]) -> Ledger | None:
    """Make the ledger of an average: that of all of them, or a list of theirs if they differ."""
    return joint_ledger([base_of(each.file.path.name, None, each.ledger) for each in checkpoints])


def _check_alike(first: Checkpoint, other: Checkpoint) -> None:
    differences = list(differing_settings(first.settings, other.settings))
    if first.settings.stems != other.settings.stems:
        stems = ", ".join(first.settings.stems)
        other_stems = ", ".join(other.settings.stems)
        differences.insert(0, f"model.stems is {stems}, and there {other_stems}")
    if differences:
        raise InputError(
            f"{first.file.path} and {other.file.path} are different models and cannot be averaged: "
            f"{'; '.join(differences)}; choose checkpoints of equal settings"
        )
