"""Constructor arguments derived from the names and shapes of weights."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bsroformer.errors import InputError
from bsroformer.models.bs_roformer.bands import mel_ranges
from bsroformer.models.bs_roformer.public.options import DEPTH_OVER_HIDDEN, Kind, MelOptions, Options
from bsroformer.models.tensor_slot import Shape

UNSUPPORTED_KEYS = {
    r"\.segm\.": "a HyperACE mask head",
    r"pope_embed": "polar positions (PoPE)",
    r"\.branch\.|(static|dynamic)_(alpha|beta)|hyper_conn": "hyper-connections",
    r"to_value_residual_mix": "value residuals",
    r"lora_[AB]": "LoRA adapters that were not merged into the weights",
    r"mamba": "Mamba blocks",
    r"conformer|^layers\..*\.conv\.": "Conformer blocks",
    r"^mask_estimators\.(?!\d+\.to_freqs\.\d+\.0\.\d+\.(weight|bias)$)": "a custom mask head, such as an axial refiner",
}
"""Unsupported features, by a regular expression that their keys match."""
FIRST_KEY = "band_split.to_features.0.0.gamma"
"""Key that all of these models have."""
RATES = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000, 96_000, 88_200, 12_000, 11_025, 8_000)
"""Sample rates to try for the layout of mel bands, Hz."""
BAND = r"band_split\.to_features\.(\d{1,9})\."
MAX_FINE_N_FFT = 4096
"""Up to this length every even ``n_fft`` is tried for mel bands, samples."""
MAX_N_FFT = 2**15
"""Up to this length multiples of 64 are tried, samples."""


class UnlikeAnyError(Exception):
    """Error for shapes that do not make up a model."""


def refuse_unsupported(keys: Iterable[str], source: str) -> None:
    """Refuse weights of a BS- or Mel-Band RoFormer with unsupported features.

    Raises:
        InputError: Naming the feature and its key.
    """
    keys = list(keys)
    for pattern, name in UNSUPPORTED_KEYS.items():
        for key in keys:
            if re.search(pattern, key):
                raise InputError(f"{source} has {name} (its key {key}), which is not supported; use another checkpoint")


def kind_of(shapes: Mapping[str, Shape]) -> Kind:
    """Detect the kind of model: Mel-Band RoFormer has a norm after each transformer."""
    return "mel" if "layers.0.0.norm.gamma" in shapes else "bs"


def options_from_shapes(shapes: Mapping[str, Shape], source: str) -> dict[str, Any]:
    """Derive constructor arguments from the shapes of weights.

    Args:
        shapes: Shape of each weight, by public key.
        source: Their origin, for the message.

    Raises:
        InputError: If the public code has no model of these shapes.
    """
    try:
        return trunk_options(shapes) | band_options(shapes) | mask_options(shapes)
    except UnlikeAnyError as error:
        raise InputError(f"{source} is incomplete, or of another model: {error}") from error


def _shape(shapes: Mapping[str, Shape], key: str, axes: int) -> Shape:
    """Return the shape of a weight that must have `axes` non-empty axes."""
    if key not in shapes:
        raise UnlikeAnyError(f"{key} is missing")
    shape = shapes[key]
    if len(shape) != axes or 0 in shape:
        raise UnlikeAnyError(f"{key} has shape {shape}, which no model has")
    return shape


def _numbered(shapes: Mapping[str, Shape], pattern: str) -> int:
    """Count numbered keys: one more than the highest number in the group of `pattern`."""
    matches = (re.match(pattern, key) for key in shapes)
    count = max((int(match[1]) + 1 for match in matches if match), default=0)
    if count > len(shapes):
        raise UnlikeAnyError(f"a key has the number {count - 1}, and there are {len(shapes)} keys")
    return count


def trunk_options(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Derive sizes and depths of the transformers."""
    has_linear = "layers.0.0.layers.0.0.temperature" in shapes
    time_index = 1 if has_linear else 0
    attention = f"layers.0.{time_index}.layers.0.0"
    heads, dim = _shape(shapes, f"{attention}.to_gates.weight", 2)
    rows, _ = _shape(shapes, f"{attention}.to_qkv.weight", 2)
    if rows % (3 * heads):
        raise UnlikeAnyError(f"{attention}.to_qkv.weight has {rows} rows, which are not three times {heads} heads")
    depths = [_numbered(shapes, rf"layers\.0\.{place}\.layers\.(\d{{1,9}})\.") for place in range(3)]
    return {
        "dim": dim,
        "depth": _numbered(shapes, r"layers\.(\d{1,9})\."),
        "heads": heads,
        "dim_head": rows // (3 * heads),
        "linear_transformer_depth": depths[0] if has_linear else 0,
        "time_transformer_depth": depths[time_index],
        "freq_transformer_depth": depths[time_index + 1],
    }


def band_options(shapes: Mapping[str, Shape], stated: Options | None = None) -> dict[str, Any]:
    """Derive channels, spectrum and bands.

    Several spectra may have bands of the same widths; the stated one is used if it has them.
    """
    keys = [f"band_split.to_features.{band}.0.gamma" for band in range(_numbered(shapes, BAND))]
    values = [_shape(shapes, key, 1)[0] for key in keys]
    if stated is not None and values_in_bands(stated) == values:
        names = ("num_bands", "sample_rate") if isinstance(stated, MelOptions) else ("freqs_per_bands",)
        return {name: getattr(stated, name) for name in ("stereo", "stft_n_fft", *names)}
    widths = {}
    for channels in (2, 1):
        parts = 2 * channels  # real and imaginary part of each channel
        if all(value % parts == 0 for value in values):
            widths[channels] = [value // parts for value in values]
    if not widths:
        odd = next(key for key, value in zip(keys, values, strict=True) if value % 2)
        raise UnlikeAnyError(f"{odd} has shape {shapes[odd]}, an odd number of values")
    return _mel_options(widths) if kind_of(shapes) == "mel" else _fixed_options(widths)


def values_in_bands(options: Options) -> list[int]:
    """Count the input values of each band: two for each bin and channel."""
    if isinstance(options, MelOptions):
        ranges = mel_ranges(options.num_bands, options.stft_n_fft, options.sample_rate)
        widths = [end - first for first, end in ranges]
    elif sum(options.freqs_per_bands) == options.stft_n_fft // 2 + 1:
        widths = list(options.freqs_per_bands)
    else:
        widths = []
    channels = 2 if options.stereo else 1
    return [2 * channels * width for width in widths]


def _fixed_options(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Choose mono or stereo by the rounder ``n_fft``.

    The other one has twice or half the bins.
    """
    n_ffts = {channels: 2 * (sum(bins) - 1) for channels, bins in widths.items()}
    channels = max(n_ffts, key=lambda each: roundness(n_ffts[each]))
    return {"stereo": channels == 2, "stft_n_fft": n_ffts[channels], "freqs_per_bands": tuple(widths[channels])}


def _mel_options(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Find the spectrum whose mel bands have these widths; each bin is in one or two."""
    for channels, bins in widths.items():
        for n_fft in _candidate_n_ffts(sum(bins)):
            for rate in RATES:
                ranges = mel_ranges(len(bins), n_fft, rate)
                if [end - first for first, end in ranges] == bins:
                    return {"stereo": channels == 2, "stft_n_fft": n_fft, "num_bands": len(bins), "sample_rate": rate}
    raise UnlikeAnyError("the widths of its bands do not match the mel bands of any usual spectrum")


def _candidate_n_ffts(bins: int) -> list[int]:
    """List lengths whose mel bands may have `bins` bins in total, roundest first."""
    shortest = max(2, bins // 2 * 2 - 2)
    longest = min(2 * bins, MAX_N_FFT)
    candidates = (n_fft for n_fft in range(shortest, longest + 1, 2) if n_fft <= MAX_FINE_N_FFT or n_fft % 64 == 0)
    return sorted(candidates, key=roundness, reverse=True)


def roundness(number: int) -> int:
    """Compute the largest power of two that divides a number."""
    return number & -number


def mask_options(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Derive number and sizes of the mask estimators."""
    # Every second module of a mask estimator is a tanh.
    hidden = _numbered(shapes, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d{1,9})\.") // 2
    rows, dim = _shape(shapes, "mask_estimators.0.to_freqs.0.0.0.weight", 2)
    stems = _numbered(shapes, r"mask_estimators\.(\d{1,9})\.")
    found = {"num_stems": stems, "mask_estimator_depth": hidden + DEPTH_OVER_HIDDEN[kind_of(shapes)]}
    if hidden:
        found["mlp_expansion_factor"] = rows // dim
    return found
