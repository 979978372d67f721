"""What a public checkpoint's YAML says: the constructor's arguments, the audio, and the names of the stems."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bsroformer.errors import InputError
from bsroformer.file_names import is_legal
from bsroformer.models.bs_roformer.public.options import (
    OPTIONS,
    TITLES,
    UNSUPPORTED,
    WITHOUT_EFFECT,
    BsOptions,
    Kind,
    Options,
)
from bsroformer.models.problems import describe_problem
from bsroformer.models.public_yaml import YamlFile

SAMPLE_RATE = 44_100
"""Hz, of all known public checkpoints."""
CHUNK = 352_800
"""Samples: 8 s, the commonest window of the known ones."""
MOST = 2**30
"""Of a rate or a number of samples: far beyond all of them."""


@dataclass(frozen=True)
class AudioFacts:
    """What no weight tells about the audio.

    Attributes:
        sample_rate: Hz.
        chunk: Length of a window, samples.
        stems: Names of the outputs, in their order.
    """

    sample_rate: int
    chunk: int
    stems: tuple[str, ...]


def options_in(config: YamlFile, kind: Kind) -> Options:
    """The constructor's arguments.

    Raises:
        InputError: Naming a key that the public model does not take, has a wrong value or is not supported here.
    """
    given = {key: value for key, value in config.section("model").items() if key not in WITHOUT_EFFECT}
    for key, (what, harmless) in UNSUPPORTED.items():
        if given.pop(key, harmless[0]) not in harmless:
            raise InputError(f"{config.place(f'model.{key}')} asks for {what}, which is not supported")
    _refuse_unknown(given, config, kind)
    try:
        options = OPTIONS[kind].model_validate(given)
    except ValidationError as error:
        raise InputError(_wrong_option(error, config, kind)) from error
    if isinstance(options, BsOptions) and sum(options.freqs_per_bands) != options.stft_n_fft // 2 + 1:
        raise InputError(
            f"{config.place('model.freqs_per_bands')} sums to {sum(options.freqs_per_bands)} bins, and "
            f"{config.place('model.stft_n_fft')} of {options.stft_n_fft} makes {options.stft_n_fft // 2 + 1}"
        )
    return options


def _refuse_unknown(given: dict[str, Any], config: YamlFile, kind: Kind) -> None:
    """Refuse the other model's options first, since they tell that the YAML is another's, then any unknown one."""
    other: Kind = "mel" if kind == "bs" else "bs"
    unknown = [key for key in given if key not in OPTIONS[kind].model_fields]
    for key in unknown:
        if key in OPTIONS[other].model_fields:
            raise InputError(
                f"{config.path} is a {TITLES[other]}'s ({config.place(f'model.{key}')}), and the weights are a "
                f"{TITLES[kind]}'s: give the weights' own YAML as config=..."
            )
    if unknown:
        raise InputError(
            f"{config.place(f'model.{unknown[0]}')} is an option that is not supported: it may change what the model "
            "computes"
        )


def _wrong_option(error: ValidationError, config: YamlFile, kind: Kind) -> str:
    problem = error.errors()[0]
    key = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{config.path} does not describe a {TITLES[kind]}: it needs a line `{key}: ...` under `model:`"
    return f"{config.place(f'model.{key}')} has a wrong value: {describe_problem(problem)}"


def audio_in(config: YamlFile, options: Options) -> tuple[AudioFacts, list[str]]:
    """Sample rate, window and stems, and notes on what the configuration leaves out.

    Raises:
        InputError: If a value is no count, or the stems are not as many as the model has.
    """
    notes: list[str] = []
    rate = _number(config, ("audio.sample_rate",), SAMPLE_RATE, notes)
    chunk = _number(config, ("inference.chunk_size", "audio.chunk_size"), CHUNK, notes)
    if config.section("inference").get("normalize"):
        notes.append(
            f"{config.place('inference.normalize')} is not followed: masks do not depend on the level of a mixture, "
            "and of its mean, which the public code would add to every stem, nothing is heard"
        )
    channels = config.section("audio").get("num_channels")
    if channels is not None and channels != 1 + options.stereo:
        notes.append(f"{config.place('audio.num_channels')} is left out: model.stereo and the weights say otherwise")
    stems = stems_in(config, options.num_stems)
    if stems is None:
        stems = numbered_stems(options.num_stems)
        notes.append(f"{config.path} has no training.instruments: stems are named {', '.join(stems)}")
    return AudioFacts(rate, chunk, stems), notes


def _number(config: YamlFile, keys: tuple[str, ...], usual: int, notes: list[str]) -> int:
    """The value of the first of the keys that is there, else what is usual, and a note of that."""
    for key in keys:
        section, _, name = key.partition(".")
        value = config.section(section).get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MOST:
            raise InputError(f"{config.place(key)} must be a whole number from 1 to {MOST}")
        return value
    notes.append(f"{config.path} has no {keys[-1]}: {usual} assumed")
    return usual


def stems_in(config: YamlFile, num_stems: int) -> tuple[str, ...] | None:
    """Names of the outputs: the target, if there is one, else all instruments; None if neither is named.

    Raises:
        InputError: If they are not as many as the model has.
    """
    training = config.section("training")
    target, instruments = training.get("target_instrument"), training.get("instruments")
    key, named = ("target_instrument", [target]) if target is not None else ("instruments", instruments)
    if named is None:
        return None
    if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
        raise InputError(f"{config.place(f'training.{key}')} must name the stems")
    if len(named) != num_stems:
        mend = (
            "set it to null, so that `instruments` names all of them"
            if target is not None
            else "name each, or name the only one as `target_instrument`"
        )
        raise InputError(
            f"{config.place(f'training.{key}')} names {len(named)} stem(s) and the model has {num_stems}: {mend}"
        )
    if wrong := [name for name in named if not is_legal(name)]:
        raise InputError(f"{config.place(f'training.{key}')}: {wrong[0]!r:.40} cannot name a file: rename the stem")
    return tuple(named)


def numbered_stems(count: int) -> tuple[str, ...]:
    """Names for stems whose names are not known."""
    return tuple(f"stem_{number}" for number in range(1, count + 1))
