"""Which of a YAML's options the weights contradict."""

from collections.abc import Iterator, Mapping
from typing import Any

from bsroformer.checkpoints.community.architecture import options_from_shapes
from bsroformer.checkpoints.community.options import MelOptions, Options
from bsroformer.checkpoints.community.yaml_file import YamlFile
from bsroformer.checkpoints.differences import OptionDifference
from bsroformer.checkpoints.piece import Shape
from bsroformer.errors import InputError
from bsroformer.model.bands import mel_ranges


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
