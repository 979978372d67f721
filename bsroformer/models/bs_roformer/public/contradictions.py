"""Which of a YAML's options the weights contradict."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bsroformer.models.bs_roformer.public.options import Options
from bsroformer.models.bs_roformer.public.shapes import UnlikeAnyError, band_options, mask_options, trunk_options
from bsroformer.models.differences import OptionDifference
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.tensor_slot import Shape


def compare_options(options: Options, shapes: Mapping[str, Shape], config: YamlFile) -> list[OptionDifference]:
    """Every option that the shapes of the weights contradict, as far as each part of them can be understood."""
    needed: dict[str, Any] = {}
    with suppress(UnlikeAnyError):
        needed |= trunk_options(shapes)
    with suppress(UnlikeAnyError):
        needed |= band_options(shapes, stated=options)
    with suppress(UnlikeAnyError):
        needed |= mask_options(shapes)
    return [
        OptionDifference(option, getattr(options, option), value, config.place(f"model.{option}"))
        for option, value in needed.items()
        if getattr(options, option) != value
    ]
