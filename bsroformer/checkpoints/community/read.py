"""Public weights, and maybe their YAML, as a model of this project."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.community.architecture import kind_of, options_from_shapes, refuse_unsupported
from bsroformer.checkpoints.community.config import (
    CHUNK,
    SAMPLE_RATE,
    AudioFacts,
    audio_in,
    numbered_stems,
    options_in,
)
from bsroformer.checkpoints.community.contradictions import compare_options
from bsroformer.checkpoints.community.keys import key_shapes, pieces
from bsroformer.checkpoints.community.options import OPTIONS, TITLES, Kind, Options, settings_of
from bsroformer.checkpoints.community.yaml_file import YamlFile
from bsroformer.checkpoints.differences import Difference, compare_keys
from bsroformer.checkpoints.piece import Shape
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


def read_public(file: WeightFile, config: YamlFile | None) -> Checkpoint:
    """Understand public weights.

    Args:
        file: With the weights.
        config: Their YAML; without it what weights do not tell is assumed.

    Raises:
        InputError: If they are of another architecture, or the YAML cannot be used.
    """
    weights, notes = _without_shared_biases(weights_in(file))
    refuse_unsupported(weights, str(file.path))
    _refuse_unequal_frequencies(weights, file.path)
    shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    kind = kind_of(shapes)
    differences: Sequence[Difference]
    if config is None:
        settings, assumed = _assumed(kind, shapes, str(file.path))
        differences = compare_keys(key_shapes(settings), shapes)
        notes += [assumed]
    else:
        settings, left_out, differences = _configured(kind, shapes, config)
        notes += left_out
    origin = f"public {TITLES[kind]} checkpoint"
    return Checkpoint(file, origin, settings, weights, list(pieces(settings)), differences, config, tuple(notes))


def _settings(options: Options, audio: AudioFacts, source: str) -> ModelSettings:
    return settings_of(options, audio.stems, audio.sample_rate, audio.chunk / audio.sample_rate, source)


def _configured(
    kind: Kind, shapes: Mapping[str, Shape], config: YamlFile
) -> tuple[ModelSettings, list[str], Sequence[Difference]]:
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


def _without_shared_biases(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Leave out biases that are all zero; any other stays, and is refused as unknown."""
    zero = [key for key in SHARED_BIASES if key in weights and not weights[key].any()]
    kept = {key: tensor for key, tensor in weights.items() if key not in zero}
    return kept, [f"{' and '.join(zero)}: all zero, so they change nothing"] if zero else []


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
