"""Conversion of public weights, with or without YAML, to this project's model."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.models.bs_roformer.public.config import (
    CHUNK,
    SAMPLE_RATE,
    AudioFacts,
    audio_in,
    numbered_stems,
    options_in,
)
from bsroformer.models.bs_roformer.public.contradictions import compare_options
from bsroformer.models.bs_roformer.public.keys import key_shapes, tensor_slots
from bsroformer.models.bs_roformer.public.options import TITLES, Kind, Options, checked_options, settings_of
from bsroformer.models.bs_roformer.public.quirks import refuse_unequal_frequencies, remove_shared_biases
from bsroformer.models.bs_roformer.public.shapes import kind_of, options_from_shapes, refuse_unsupported
from bsroformer.models.bs_roformer.settings import RoformerSettings
from bsroformer.models.differences import ConfigFault, Difference, compare_keys, format_value
from bsroformer.models.public_layout import PublicModel
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.tensor_slot import Shape

DEFAULT_HOPS: dict[Kind, int] = {"bs": 512, "mel": 441}
"""Samples at ``n_fft`` 2048, of most public checkpoints of a kind."""


def read_roformer(weights: dict[str, Tensor], config: YamlFile | None, source: Path) -> PublicModel:
    """Parse public weights: see `PublicLayout.read`.

    Raises:
        InputError: If they are of another architecture, or no model fits weights and YAML.
    """
    notes = remove_shared_biases(weights)
    refuse_unsupported(weights, str(source))
    refuse_unequal_frequencies(weights, source)
    shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    differences: Sequence[Difference]
    if config is None:
        settings, assumed = _assumed(shapes, str(source))
        differences = compare_keys(key_shapes(settings), shapes)
        notes.append(assumed)
    else:
        settings, config_notes, differences = _configured(shapes, config, str(source))
        notes += config_notes
    title = TITLES[kind_of(shapes)]
    return PublicModel(title, settings, list(tensor_slots(settings)), differences, tuple(notes))


def _configured(
    shapes: Mapping[str, Shape], config: YamlFile, source: str
) -> tuple[RoformerSettings, list[str], Sequence[Difference]]:
    """Return the settings of the YAML, notes on missing values, and contradictions.

    With contradictions or an invalid YAML, the settings are those derived from the weights, if possible.
    """
    try:
        options = options_in(config, kind_of(shapes))
        audio, notes = audio_in(config, options)
        settings = _settings(options, audio, str(config.path))
    except InputError as error:
        with suppress(InputError):
            settings, _ = _assumed(shapes, source)
            return settings, [], [ConfigFault(str(error))]
        raise
    by_key = compare_keys(key_shapes(settings), shapes)
    if not by_key:
        return settings, notes, []
    with suppress(InputError):
        settings, _ = _assumed(shapes, source)
    return settings, notes, [*compare_options(options, shapes, config), *by_key]


def _assumed(shapes: Mapping[str, Shape], source: str) -> tuple[RoformerSettings, str]:
    """Derive settings from shapes and defaults, with a note on the defaults."""
    kind = kind_of(shapes)
    found = options_from_shapes(shapes, source)
    n_fft = found["stft_n_fft"]
    hop = max(1, n_fft * DEFAULT_HOPS[kind] // 2048)
    options = checked_options(kind, found | {"stft_win_length": n_fft, "stft_hop_length": hop}, source)
    rate = found.get("sample_rate", SAMPLE_RATE)
    audio = AudioFacts(rate, CHUNK * rate // SAMPLE_RATE, numbered_stems(options.num_stems))
    return _settings(options, audio, source), _assumption_note(options, audio, source)


def _assumption_note(options: Options, audio: AudioFacts, source: str) -> str:
    assumed = [
        f"{audio.sample_rate} Hz",
        "stereo" if options.stereo else "mono",
        f"n_fft and window {options.stft_n_fft}",
        f"hop {options.stft_hop_length}",
        f"chunks of {audio.chunk / audio.sample_rate:g} s",
        f"zero_dc {format_value(options.zero_dc)}",
        f"skip_connection {format_value(options.skip_connection)}",
        f"stft_normalized {format_value(options.stft_normalized)}",
        f"stems named {', '.join(audio.stems)}",
    ]
    return (
        f"{source} has no YAML file, and its weights do not hold all settings; assuming {', '.join(assumed)}; if an "
        "assumption is wrong, so are the stems; give its YAML as config=..."
    )


def _settings(options: Options, audio: AudioFacts, source: str) -> RoformerSettings:
    return settings_of(options, audio.stems, audio.sample_rate, audio.chunk / audio.sample_rate, source)
