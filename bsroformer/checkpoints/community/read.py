"""Public weights, and maybe their YAML, as a model of this project."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.community.architecture import kind_of, options_from_shapes, refuse_unsupported
from bsroformer.checkpoints.community.config import (
    CHUNK,
    SAMPLE_RATE,
    AudioFacts,
    audio_in,
    numbered_stems,
    options_in,
)
from bsroformer.checkpoints.community.differences import (
    Difference,
    KeyDifference,
    OptionDifference,
    compare_keys,
    compare_options,
    in_a_sentence,
)
from bsroformer.checkpoints.community.keys import Shape, key_shapes
from bsroformer.checkpoints.community.options import OPTIONS, Kind, Options, settings_of
from bsroformer.checkpoints.community.yaml_file import YamlFile
from bsroformer.checkpoints.weight_file import WeightFile, checked_weights
from bsroformer.errors import InputError
from bsroformer.model import ModelSettings

CONTAINERS = ("state_dict", "model_state_dict", "state", "model")
"""Entries under which trainers keep the weights."""
WRAPPERS = ("module.", "model.", "_orig_mod.")
"""What DataParallel, Lightning and ``torch.compile`` put before every key."""
HOPS: dict[Kind, int] = {"bs": 512, "mel": 441}
"""Samples at ``n_fft`` 2048, of most public checkpoints of a kind."""
SHARED_BIASES = ("linear_62_bias_0", "linear_64_bias_0")
"""Of BS-Roformer-SW as first published, where they are all zero: they change nothing."""


@dataclass(frozen=True)
class PublicModel:
    """What public weights are.

    Attributes:
        kind: Whose they are.
        weights: By public key.
        settings: The model, as far as weights and YAML tell.
        notes: What had to be assumed.
        differences: Where weights and YAML disagree; a model can be built only if there are none.
    """

    kind: Kind
    weights: dict[str, Tensor]
    settings: ModelSettings
    notes: tuple[str, ...]
    differences: tuple[Difference, ...] = ()


def weights_in(file: WeightFile) -> dict[str, Tensor]:
    """The state dict of a file, wherever it stands in it, less what wraps its keys.

    Raises:
        InputError: If there is none.
    """
    entries = file.entries
    inner = (entries[name] for name in CONTAINERS if isinstance(entries.get(name), Mapping))
    weights = checked_weights(next(inner, entries), file.path)
    while wrapper := _wrapper(weights):
        weights = {key.removeprefix(wrapper): tensor for key, tensor in weights.items()}
    return weights


def _wrapper(weights: dict[str, Tensor]) -> str | None:
    """What stands before every key, if something does."""
    return next((each for each in WRAPPERS if weights and all(key.startswith(each) for key in weights)), None)


def read_public(file: WeightFile, config: YamlFile | None) -> PublicModel:
    """Understand public weights.

    Args:
        file: With the weights.
        config: Their YAML; without it what weights do not tell is assumed.

    Raises:
        InputError: If they are of another architecture, or the YAML cannot be used.
    """
    weights, notes = _without_shared_biases(weights_in(file))
    refuse_unsupported(weights, str(file.path))
    shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    kind = kind_of(shapes)
    _refuse_unequal_frequencies(weights, file.path)
    if config is None:
        settings, assumed = _assumed(kind, shapes, str(file.path))
        differences: list[Difference] = [*compare_keys(key_shapes(settings), shapes)]
        return PublicModel(kind, weights, settings, (*notes, assumed), tuple(differences))
    settings, left_out, differences = _configured(kind, shapes, config)
    return PublicModel(kind, weights, settings, (*notes, *left_out), tuple(differences))


def disagreement(differences: Sequence[Difference], path: Path, config: YamlFile | None) -> InputError:
    """What to tell when weights and configuration, or the weights themselves, do not fit together."""
    by_option = [each for each in differences if isinstance(each, OptionDifference)]
    by_key = [each for each in differences if isinstance(each, KeyDifference)]
    told = "; ".join(in_a_sentence(each, most) for each, most in ((by_option, 10), (by_key, 3)) if each)
    if config is None:
        return InputError(f"{path} is not whole, or of another model: {told}")
    return InputError(
        f"{path} does not fit its configuration {config.path}: {told}; "
        "change these lines, or give the YAML that belongs to the weights as config=..."
    )


def _settings(options: Options, audio: AudioFacts, source: str) -> ModelSettings:
    return settings_of(options, audio.stems, audio.sample_rate, audio.chunk / audio.sample_rate, source)


def _configured(
    kind: Kind, shapes: Mapping[str, Shape], config: YamlFile
) -> tuple[ModelSettings, tuple[str, ...], list[Difference]]:
    """The model that the YAML describes, notes on what it leaves out, and where the weights contradict it.

    If they do, and can be understood without it, the model is the one that they tell.
    """
    options = options_in(config, kind)
    audio, notes = audio_in(config, options.num_stems)
    settings = _settings(options, audio, str(config.path))
    by_key = compare_keys(key_shapes(settings), shapes)
    if not by_key:
        return settings, notes, []
    with suppress(InputError):
        settings, _ = _assumed(kind, shapes, str(config.path))
    return settings, notes, [*compare_options(options, shapes, config), *by_key]


def _assumed(kind: Kind, shapes: Mapping[str, Shape], source: str) -> tuple[ModelSettings, str]:
    """The model that the shapes tell, completed by what is usual, and a word on the latter."""
    found = options_from_shapes(shapes, source)
    n_fft = found["stft_n_fft"]
    hop = n_fft * HOPS[kind] // 2048
    options = OPTIONS[kind].model_validate(found | {"stft_win_length": n_fft, "stft_hop_length": hop})
    rate = found.get("sample_rate", SAMPLE_RATE)
    audio = AudioFacts(rate, CHUNK * rate // SAMPLE_RATE, numbered_stems(options.num_stems))
    note = (
        f"{source} comes without a YAML file, and its weights do not tell everything: assumed {rate} Hz, hop {hop}, "
        f"windows of {audio.chunk / rate:g} s, zero_dc {options.zero_dc}, skip_connection {options.skip_connection}, "
        f"stems named {', '.join(audio.stems)}; where that is wrong it sounds wrong: give its YAML as config=..."
    )
    return _settings(options, audio, source), note


def _without_shared_biases(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Leave out biases that are all zero; any other stays, and is refused as unknown."""
    zero = [key for key in SHARED_BIASES if key in weights and not weights[key].any()]
    kept = {key: tensor for key, tensor in weights.items() if key not in zero}
    return kept, (f"{' and '.join(zero)}: all zero, so they change nothing",) if zero else ()


def _refuse_unequal_frequencies(weights: Mapping[str, Tensor], path: Path) -> None:
    """All layers of a direction share one set of rotary frequencies, though each has it under a key of its own."""
    first: dict[str, tuple[str, Tensor]] = {}
    for key, tensor in weights.items():
        if key.endswith(".rotary_embed.freqs"):
            direction = key.split(".")[2]  # layers.<block>.<direction>
            known, frequencies = first.setdefault(direction, (key, tensor))
            if not torch.equal(tensor, frequencies):
                raise InputError(
                    f"{path} has other rotary frequencies in {key} than in {known}, which is not supported"
                )
