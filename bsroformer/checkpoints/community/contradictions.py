"""Which of a YAML's options the weights contradict."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bsroformer.checkpoints.community.architecture import UnlikeAnyError, band_options, mask_options, trunk_options
from bsroformer.checkpoints.community.options import Options
from bsroformer.checkpoints.community.yaml_file import YamlFile
from bsroformer.checkpoints.differences import OptionDifference
from bsroformer.checkpoints.piece import Shape


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
