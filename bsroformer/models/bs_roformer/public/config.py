"""Values of a public checkpoint's YAML: constructor arguments, audio and stems."""

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
"""Samples: 8 s, the most common window of public checkpoints."""
MAX_COUNT = 2**30
"""Upper bound of a rate or a number of samples, far above all known ones."""


@dataclass(frozen=True)
class AudioFacts:
    """Facts about the audio that weights do not hold.

    Attributes:
        sample_rate: Hz.
        chunk: Length of a window, samples.
        stems: Names of the outputs, in order.
    """

    sample_rate: int
    chunk: int
    stems: tuple[str, ...]


def options_in(config: YamlFile, kind: Kind) -> Options:
    """Read the constructor's arguments.

    Raises:
        InputError: Naming a key that is unknown, has a wrong value or is not supported.
    """
    given = {key: value for key, value in config.section("model").items() if key not in WITHOUT_EFFECT}
    for key, (feature, unused) in UNSUPPORTED.items():
        if given.pop(key, unused[0]) not in unused:
            raise InputError(
                f"{config.place(f'model.{key}')} sets {feature}, which is not supported; use another checkpoint"
            )
    _refuse_unknown(given, config, kind)
    try:
        options = OPTIONS[kind].model_validate(given)
    except ValidationError as error:
        raise InputError(_wrong_option(error, config, kind)) from error
    if isinstance(options, BsOptions):
        _check_bins(options, config)
    return options


def _check_bins(options: BsOptions, config: YamlFile) -> None:
    bins = sum(options.freqs_per_bands)
    n_bins = options.stft_n_fft // 2 + 1
    if bins != n_bins:
        raise InputError(
            f"{config.place('model.freqs_per_bands')} sums to {bins} bins, and {config.place('model.stft_n_fft')} of "
            f"{options.stft_n_fft} makes {n_bins}; correct the one that does not belong to the weights"
        )


def _refuse_unknown(given: dict[str, Any], config: YamlFile, kind: Kind) -> None:
    """Refuse options of the other model, which show a wrong YAML, then unknown ones."""
    other: Kind = "mel" if kind == "bs" else "bs"
    unknown = [key for key in given if key not in OPTIONS[kind].model_fields]
    for key in unknown:
        if key in OPTIONS[other].model_fields:
            raise InputError(
                f"{config.path} is a {TITLES[other]}'s ({config.place(f'model.{key}')}), and the weights are a "
                f"{TITLES[kind]}'s; give the YAML of the weights as config=..."
            )
    if unknown:
        raise InputError(
            f"{config.place(f'model.{unknown[0]}')} is an option that is not supported and may change the output; "
            "remove it if it does not, or use another checkpoint"
        )


def _wrong_option(error: ValidationError, config: YamlFile, kind: Kind) -> str:
    problem = error.errors()[0]
    key = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{config.path} does not describe a {TITLES[kind]}; add a line `{key}: ...` under `model:`"
    return f"{config.place(f'model.{key}')} has a wrong value: {describe_problem(problem)}"


def audio_in(config: YamlFile, options: Options) -> tuple[AudioFacts, list[str]]:
    """Read sample rate, window and stems, with notes on missing values.

    Raises:
        InputError: If a value is not a positive whole number, or the number of stems is not the model's.
    """
    notes: list[str] = []
    rate = _number(config, ("audio.sample_rate",), SAMPLE_RATE, notes)
    chunk = _number(config, ("inference.chunk_size", "audio.chunk_size"), CHUNK, notes)
    if config.section("inference").get("normalize"):
        notes.append(
            f"{config.place('inference.normalize')} is ignored: masks do not depend on the level of a mixture, and its "
            "mean, which the public code adds to every stem, is inaudible"
        )
    channels = config.section("audio").get("num_channels")
    model_channels = 2 if options.stereo else 1
    if channels is not None and channels != model_channels:
        notes.append(
            f"{config.place('audio.num_channels')} is ignored: model.stereo and the weights have {model_channels}"
        )
    stems = stems_in(config, options.num_stems)
    if stems is None:
        stems = numbered_stems(options.num_stems)
        notes.append(f"{config.path} has no training.instruments; stems are named {', '.join(stems)}")
    return AudioFacts(rate, chunk, stems), notes


def _number(config: YamlFile, keys: tuple[str, ...], default: int, notes: list[str]) -> int:
    """Return the value of the first key that is present, or note the default."""
    for key in keys:
        section, _, name = key.partition(".")
        value = config.section(section).get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_COUNT:
            raise InputError(f"{config.place(key)} must be a whole number from 1 to {MAX_COUNT}")
        return value
    notes.append(f"{config.path} has no {keys[-1]}; assuming {default}")
    return default


def stems_in(config: YamlFile, num_stems: int) -> tuple[str, ...] | None:
    """Read the names of the outputs: the target, else all instruments, else None.

    Raises:
        InputError: If their number is not the model's.
    """
    training = config.section("training")
    target = training.get("target_instrument")
    key = "instruments" if target is None else "target_instrument"
    named = training.get("instruments") if target is None else [target]
    if named is None:
        return None
    if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
        raise InputError(f"{config.place(f'training.{key}')} must be a list of the stems' names")
    if len(named) != num_stems:
        remedy = "name each, or name a single one as `target_instrument`"
        if target is not None:
            remedy = "set it to null, so that `instruments` names all of them"
        raise InputError(
            f"{config.place(f'training.{key}')} names {len(named)} stem(s) and the model has {num_stems}; {remedy}"
        )
    wrong = [name for name in named if not is_legal(name)]
    if wrong:
        raise InputError(f"{config.place(f'training.{key}')}: {wrong[0]!r:.40} cannot name a file; rename the stem")
    return tuple(named)


def numbered_stems(count: int) -> tuple[str, ...]:
    """Generate names for stems without known names."""
    return tuple(f"stem_{number}" for number in range(1, count + 1))
