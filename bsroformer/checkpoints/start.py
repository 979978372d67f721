"""Start a training from another model's weights, and say what was taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bsroformer.checkpoints.parts import parameters_by_part
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.model import BandSplitRoformer, ModelSettings

MASKS = "mask_estimators"
NOT_IN_WEIGHTS = ("stems", "chunk_seconds", "trunk.dropout", "trunk.attention_dropout")
"""Settings that a training may choose anew."""


@dataclass(frozen=True)
class Start:
    """What a model began from.

    Attributes:
        taken: Parameters that were copied, by part of the model.
        fresh: Parameters that are as they were, by part.
        changed: Settings other than the source's that change what the same weights compute.
    """

    taken: dict[str, int]
    fresh: dict[str, int]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        taken = f"taken {_listed(self.taken)}"
        return f"{taken}; fresh {_listed(self.fresh)}" if self.fresh else f"{taken}: all weights"


@torch.no_grad()
def start_from(model: BandSplitRoformer, source: BandSplitRoformer, name: str) -> Start:
    """Copy a source's weights into a model: all of them, or all but the mask estimators if it has other stems.

    Args:
        model: The model to train.
        source: Whose weights are taken.
        name: Of the source, for the message.

    Raises:
        InputError: Naming the settings that do not agree, if a weight would be missing or of another shape.
    """
    own, others = model.state_dict(), source.state_dict()
    other_stems = [stem.casefold() for stem in model.stems] != [stem.casefold() for stem in source.stems]
    kept = {key for key in own if other_stems and key.startswith(f"{MASKS}.")}
    changed = tuple(changes(model.settings, source.settings, other_stems))
    copied = own.keys() - kept
    needed = {key for key in others if not (other_stems and key.startswith(f"{MASKS}."))}
    if copied != needed or any(own[key].shape != others[key].shape for key in copied):
        inspection = command_line("checkpoint", "inspect", name, "output=configs/model/mine.yaml")
        raise InputError(
            f"{name} does not fit the model that is to be trained: {'; '.join(changed)}; write its architecture to a "
            f"file with `{inspection}`, and choose model=mine"
        )
    for key in copied:
        own[key].copy_(others[key])
    return Start(parameters_by_part(model, copied), parameters_by_part(model, kept), changed)


def _listed(parts: dict[str, int]) -> str:
    return ", ".join(f"{part} ({size / 1e6:.2f} M)" for part, size in parts.items())


def changes(settings: ModelSettings, source: ModelSettings, other_stems: bool) -> Iterator[str]:
    """Settings that differ, in words, and that weights depend on; those of masks are left out if stems are others."""
    ours, theirs = (dict(leaves(each.model_dump(mode="json"))) for each in (settings, source))
    for key in ours | theirs:
        masks_anew = other_stems and key.startswith("masks.")
        if key not in NOT_IN_WEIGHTS and not masks_anew and ours.get(key) != theirs.get(key):
            yield f"model.{key} is {ours.get(key)}, and there {theirs.get(key)}"


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a nested tree by their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
