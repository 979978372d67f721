"""Start a training from another model's weights, and report which were copied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bsroformer.checkpoints.parameter_count import parameters_by_part
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.models.abilities import HasStemParts
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings


@dataclass(frozen=True)
class WarmStart:
    """Report on the copied weights.

    Attributes:
        copied: Parameters that were copied, by part of the model.
        fresh: Parameters that kept their initial values, by part.
        changed: Settings other than the source's that change the output of the same weights.
    """

    copied: dict[str, int]
    fresh: dict[str, int]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        copied = f"copied {_listed(self.copied)}"
        if self.fresh:
            return f"{copied}; fresh {_listed(self.fresh)}"
        return f"{copied}: all weights"


@torch.no_grad()
def start_from(model: SeparationModel, source: SeparationModel, name: str) -> WarmStart:
    """Copy a source's weights into a model, except for stem-specific parts.

    These parts are copied too if both models have the same stems.

    Args:
        model: The model to train.
        source: The model with the weights to copy.
        name: Name of the source, for the message.

    Raises:
        InputError: Naming the settings that do not agree, if a weight would be missing or of another shape.
    """
    own = model.state_dict()
    others = source.state_dict()
    parts, groups = _stem_parts(model, source)
    kept = {key for key in own if _is_in(key, parts)}
    changed = tuple(differing_settings(model.settings, source.settings, groups))
    copied = own.keys() - kept
    needed = {key for key in others if not _is_in(key, parts)}
    if copied != needed or any(own[key].shape != others[key].shape for key in copied):
        differences = "; ".join(changed) or "its stems differ, and all of its weights depend on them"
        inspection = command_line("checkpoint", "inspect", name, "output=configs/model/mine.yaml")
        raise InputError(
            f"{name} does not fit the model to train: {differences}; write its architecture to a file with "
            f"`{inspection}`, and use model=mine"
        )
    for key in copied:
        own[key].copy_(others[key])
    return WarmStart(parameters_by_part(model, copied), parameters_by_part(model, kept), changed)


def _stem_parts(model: SeparationModel, source: SeparationModel) -> tuple[Sequence[str], Sequence[str]]:
    """Return the parts and settings that depend on stems, if the stems differ."""
    stems = [stem.casefold() for stem in model.stems]
    source_stems = [stem.casefold() for stem in source.stems]
    if stems != source_stems and isinstance(model, HasStemParts):
        return model.stem_parts, model.stem_settings
    return (), ()


def _is_in(key: str, groups: Sequence[str]) -> bool:
    return key.startswith(tuple(f"{group}." for group in groups))


def _listed(parts: dict[str, int]) -> str:
    return ", ".join(f"{part} ({size / 1e6:.2f} M)" for part, size in parts.items())


def differing_settings(settings: ModelSettings, source: ModelSettings, ignored: Sequence[str] = ()) -> Iterator[str]:
    """Describe each setting that differs between two models and affects their output.

    Args:
        settings: Settings of one model.
        source: Settings of the other.
        ignored: Groups of settings that may differ.
    """
    training_only = ("stems", "chunk_seconds", *settings.TRAINING_ONLY)
    ours = settings.leaves()
    theirs = source.leaves()
    for key in ours | theirs:
        if key in training_only or _is_in(key, ignored):
            continue
        if ours.get(key) != theirs.get(key):
            yield f"model.{key} is {ours.get(key)}, and there {theirs.get(key)}"
