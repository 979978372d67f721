"""Where weights and a configuration disagree, and which line of it to change."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bsroformer.checkpoints.community.architecture import options_from_shapes
from bsroformer.checkpoints.community.keys import Shape
from bsroformer.checkpoints.community.options import MelOptions, Options
from bsroformer.checkpoints.community.yaml_file import YamlFile
from bsroformer.errors import InputError
from bsroformer.model.bands import mel_ranges


@dataclass(frozen=True)
class OptionDifference:
    """A constructor argument that is not what the weights need.

    Attributes:
        option: Its name.
        configured: Its value in the configuration, or its default there.
        needed: What the weights need.
        place: Where it stands.
    """

    option: str
    configured: Any
    needed: Any
    place: str

    def __str__(self) -> str:
        configured, needed = shown(self.configured), shown(self.needed)
        return f"{self.place} is {configured} and must be {needed}"


@dataclass(frozen=True)
class KeyDifference:
    """A key whose tensor is missing, unknown or of another shape; None where there is none."""

    key: str
    expected: Shape | None
    found: Shape | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.key} is missing (expected shape {self.expected})"
        if self.expected is None:
            return f"{self.key} is unknown (found shape {self.found})"
        return f"{self.key} has shape {self.found} (expected {self.expected})"


Difference = OptionDifference | KeyDifference


def compare_keys(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[KeyDifference]:
    """Every key on which two models differ, in the order of the expected ones."""
    keys = [*expected, *(key for key in found if key not in expected)]
    differences = (KeyDifference(key, expected.get(key), found.get(key)) for key in keys)
    return [difference for difference in differences if difference.expected != difference.found]


def compare_options(options: Options, shapes: Mapping[str, Shape], config: YamlFile) -> list[OptionDifference]:
    """Every option that the shapes of the weights contradict, as far as they can be understood."""
    try:
        needed = options_from_shapes(shapes, str(config.path))
    except InputError:
        return []
    return [
        OptionDifference(option, configured, value, config.place(f"model.{option}"))
        for option, configured, value in _pairs(options, needed)
        if configured != value
    ]


def _pairs(options: Options, needed: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Options with their configured and their needed values.

    The rate for which mel bands are laid out is a guess where several give the same widths, so it counts only where
    it makes a difference.
    """
    same_bands = isinstance(options, MelOptions) and _same_bands(options, needed)
    for option, value in needed.items():
        if not (same_bands and option in ("sample_rate", "stft_n_fft", "stereo")):
            yield option, getattr(options, option), value


def _same_bands(options: MelOptions, needed: Mapping[str, Any]) -> bool:
    """Whether both have mel bands of the same widths in the tensors."""
    return widths_in_tensors(
        options.num_bands, options.stft_n_fft, options.sample_rate, options.stereo
    ) == widths_in_tensors(needed["num_bands"], needed["stft_n_fft"], needed["sample_rate"], needed["stereo"])


def widths_in_tensors(count: int, n_fft: int, sample_rate: int, stereo: bool) -> list[int]:
    """Values of each mel band in a frame of the spectrum, the channels together."""
    return [(end - first) * (1 + stereo) for first, end in mel_ranges(count, n_fft, sample_rate)]


def shown(value: Any) -> str:
    """A value as YAML has it; a list of bands as runs of equal widths."""
    if isinstance(value, tuple):
        runs = [(len(list(same)), width) for width, same in groupby(value)]
        listed = ", ".join(f"{width} x {count}" if count > 1 else f"{width}" for count, width in runs[:12])
        return f"{len(value)} bands, {sum(value)} bins ({listed}{', ...' if len(runs) > 12 else ''})"
    return json.dumps(value)


def in_a_sentence(differences: Sequence[Difference], most: int) -> str:
    """The first of a list, and how many more there are."""
    told = "; ".join(str(difference) for difference in differences[:most])
    more = len(differences) - most
    return told + (f"; and {more} more" if more > 0 else "")
