"""Checkpoints of other programs, in the public layouts that architectures declare."""

import re
from collections.abc import Collection
from pathlib import Path

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.state_dict import extract_weights
from bsroformer.checkpoints.weight_file import WeightFile
from bsroformer.errors import InputError
from bsroformer.models.public_layout import PublicLayout
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.registry import architectures

UNKNOWN_ARCHITECTURES = {
    r"^(tencoder|crosstransformer)\.": "HTDemucs",
    r"^(first_conv|encoder_blocks|bottleneck_block)\.": "MDX23C",
    r"^separation_net\.": "SCNet",
    r"^band_split\.norm_fc_modules\.": "BandIt",
    r"^lstm\.weight_ih_l0": "Open-Unmix",
}
"""Unsupported architectures, by a regular expression that some of their keys match."""


def read_public(file: WeightFile, config: YamlFile | None) -> Checkpoint:
    """Parse public weights.

    Args:
        file: The file of the weights.
        config: Their YAML; without it the facts that weights do not hold are assumed.

    Raises:
        InputError: If their architecture is unknown, or no model fits weights and YAML.
    """
    weights, chosen = extract_weights(file)
    model = _layout_of(weights, file.path).read(weights, config, file.path)
    return Checkpoint(
        file=file,
        origin=f"public {model.title} checkpoint",
        settings=model.settings,
        weights=weights,
        slots=model.slots,
        differences=model.differences,
        config=config,
        notes=(*chosen, *model.notes),
    )


def _layout_of(keys: Collection[str], path: Path) -> PublicLayout:
    if not keys:
        raise InputError(f"{path} holds no weights; give a checkpoint of a trained model")
    layouts = [each.public_layout for each in architectures() if each.public_layout is not None]
    for layout in layouts:
        if layout.recognizes(keys):
            return layout
    titles = [title for layout in layouts for title in layout.titles]
    raise InputError(
        f"{path} holds no {' or '.join(titles)}: {_description(list(keys))}; only these public models are supported"
    )


def _description(keys: list[str]) -> str:
    for pattern, name in UNKNOWN_ARCHITECTURES.items():
        if any(re.search(pattern, key) for key in keys):
            return f"it looks like {name}"
    return f"its first keys are {', '.join(keys[:3])}"
