"""Start a training from another model's weights, and say what was taken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bsroformer.checkpoints.parts import parameters_by_part
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.models.abilities import HasStemParts
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings


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
def start_from(model: SeparationModel, source: SeparationModel, name: str) -> Start:
    """Copy a source's weights into a model: all of them, or all but the parts of its stems if it has other stems.

    Args:
        model: The model to train.
        source: Whose weights are taken.
        name: Of the source, for the message.

    Raises:
        InputError: Naming the settings that do not agree, if a weight would be missing or of another shape.
    """
    own = model.state_dict()
    others = source.state_dict()
    parts, groups = _stem_parts(model, source)
    kept = {key for key in own if _is_in(key, parts)}
    changed = tuple(changes(model.settings, source.settings, groups))
    copied = own.keys() - kept
    needed = {key for key in others if not _is_in(key, parts)}
    if copied != needed or any(own[key].shape != others[key].shape for key in copied):
        differences = "; ".join(changed) or "its stems are others, on which all of its weights depend"
        inspection = command_line("checkpoint", "inspect", name, "output=configs/model/mine.yaml")
        raise InputError(
            f"{name} does not fit the model that is to be trained: {differences}; write its architecture to a "
            f"file with `{inspection}`, and choose model=mine"
        )
    for key in copied:
        own[key].copy_(others[key])
    return Start(parameters_by_part(model, copied), parameters_by_part(model, kept), changed)


def _stem_parts(model: SeparationModel, source: SeparationModel) -> tuple[Sequence[str], Sequence[str]]:
    """The parts and settings that are not taken over: those of the stems, if the source has others."""
    other_stems = [stem.casefold() for stem in model.stems] != [stem.casefold() for stem in source.stems]
    return (model.stem_parts, model.stem_settings) if other_stems and isinstance(model, HasStemParts) else ((), ())


def _is_in(key: str, groups: Sequence[str]) -> bool:
    return key.startswith(tuple(f"{group}." for group in groups))


def _listed(parts: dict[str, int]) -> str:
    return ", ".join(f"{part} ({size / 1e6:.2f} M)" for part, size in parts.items())


def changes(settings: ModelSettings, source: ModelSettings, ignored: Sequence[str] = ()) -> Iterator[str]:
    """Describe the settings that differ and that weights depend on.

    Args:
        settings: One model.
        source: Another.
        ignored: Groups of settings that may differ.
    """
    training_only = ("stems", "chunk_seconds", *settings.TRAINING_ONLY)
    ours, theirs = settings.leaves(), source.leaves()
    for key in ours | theirs:
        if key not in training_only and not _is_in(key, ignored) and ours.get(key) != theirs.get(key):
            yield f"model.{key} is {ours.get(key)}, and there {theirs.get(key)}"
