"""Options of a YAML that contradict the weights."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bsroformer.models.bs_roformer.public.options import Options
from bsroformer.models.bs_roformer.public.shapes import UnlikeAnyError, band_options, mask_options, trunk_options
from bsroformer.models.differences import OptionDifference
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.tensor_slot import Shape


def compare_options(options: Options, shapes: Mapping[str, Shape], config: YamlFile) -> list[OptionDifference]:
    """List the options that contradict the shapes, for each part that can be parsed."""
    needed: dict[str, Any] = {}
    with suppress(UnlikeAnyError):
        needed |= trunk_options(shapes)
    with suppress(UnlikeAnyError):
        needed |= band_options(shapes, stated=options)
    with suppress(UnlikeAnyError):
        needed |= mask_options(shapes)
    differences = []
    for option, value in needed.items():
        configured = getattr(options, option)
        if configured != value:
            differences.append(OptionDifference(option, configured, value, config.place(f"model.{option}")))
    return differences
