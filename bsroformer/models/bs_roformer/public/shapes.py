"""A model's architecture, read from the names and shapes of its weights."""

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
    r"^mask_estimators\.(?!\d+\.to_freqs\.\d+\.0\.\d+\.(weight|bias)$)": "a mask head of its own, such as an axial "
    "refiner",
}
"""What is not supported, by what its keys have: regular expressions."""
FIRST_KEY = "band_split.to_features.0.0.gamma"
"""All of these models have it."""
RATES = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000, 96_000, 88_200, 12_000, 11_025, 8_000)
"""Sample rates, in Hz, for which bands on the mel scale may have been laid out."""
BAND = r"band_split\.to_features\.(\d{1,9})\."
FINE_SEARCH, LONGEST_SEARCH = 4096, 2**15
"""Samples: up to the first every even ``n_fft`` is tried for mel bands, up to the second the multiples of 64."""


class UnlikeAnyError(Exception):
    """Shapes that are of no model: why."""


def refuse_unsupported(keys: Iterable[str], source: str) -> None:
    """Refuse weights of a BS- or Mel-Band RoFormer that has something besides.

    Raises:
        InputError: Naming what is not supported.
    """
    keys = list(keys)
    for pattern, name in UNSUPPORTED_KEYS.items():
        if found := next((key for key in keys if re.search(pattern, key)), None):
            raise InputError(f"{source} has {name} (its key {found}), which is not supported")


def kind_of(shapes: Mapping[str, Shape]) -> Kind:
    """Whether the weights are a BS-RoFormer's or a Mel-Band RoFormer's, which has a norm after each transformer."""
    return "mel" if "layers.0.0.norm.gamma" in shapes else "bs"


def options_from_shapes(shapes: Mapping[str, Shape], source: str) -> dict[str, Any]:
    """The constructor arguments that weights tell.

    Args:
        shapes: Of every weight, by public key.
        source: Where they come from, for the message.

    Raises:
        InputError: If they are of no model that the public code builds.
    """
    try:
        return trunk_options(shapes) | band_options(shapes) | mask_options(shapes)
    except UnlikeAnyError as error:
        raise InputError(f"{source} is not whole, or of another model: {error}") from error


def _shape(shapes: Mapping[str, Shape], key: str, axes: int) -> Shape:
    """The shape of a weight, which must be there with so many axes, none of them empty."""
    if key not in shapes:
        raise UnlikeAnyError(f"{key} is missing")
    if len(shapes[key]) != axes or 0 in shapes[key]:
        raise UnlikeAnyError(f"{key} has shape {shapes[key]}, which no model has")
    return shapes[key]


def _numbered(shapes: Mapping[str, Shape], pattern: str) -> int:
    """One more than the highest number that stands where `pattern` has its group."""
    count = max((int(found[1]) + 1 for key in shapes if (found := re.match(pattern, key))), default=0)
    if count > len(shapes):
        raise UnlikeAnyError(f"a key has the number {count - 1}, and there are {len(shapes)} keys")
    return count


def trunk_options(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Sizes and depths of the transformers."""
    linear = int("layers.0.0.layers.0.0.temperature" in shapes)  # the place of the transformer along time
    attention = f"layers.0.{linear}.layers.0.0"
    (heads, dim), (rows, _) = (_shape(shapes, f"{attention}.{part}.weight", 2) for part in ("to_gates", "to_qkv"))
    if rows % (3 * heads):
        raise UnlikeAnyError(f"{attention}.to_qkv.weight has {rows} rows, which are not three times {heads} heads")
    depths = [_numbered(shapes, rf"layers\.0\.{place}\.layers\.(\d{{1,9}})\.") for place in range(3)]
    return {
        "dim": dim,
        "depth": _numbered(shapes, r"layers\.(\d{1,9})\."),
        "heads": heads,
        "dim_head": rows // (3 * heads),
        "linear_transformer_depth": depths[0] if linear else 0,
        "time_transformer_depth": depths[linear],
        "freq_transformer_depth": depths[linear + 1],
    }


def band_options(shapes: Mapping[str, Shape], stated: Options | None = None) -> dict[str, Any]:
    """Channels, spectrum and bands.

    Several spectra may have bands of the same widths; one that is stated is believed if it has them.
    """
    keys = [f"band_split.to_features.{band}.0.gamma" for band in range(_numbered(shapes, BAND))]
    values = [_shape(shapes, key, 1)[0] for key in keys]
    if stated is not None and values_in_bands(stated) == values:
        names = ("num_bands", "sample_rate") if isinstance(stated, MelOptions) else ("freqs_per_bands",)
        return {name: getattr(stated, name) for name in ("stereo", "stft_n_fft", *names)}
    widths = {
        channels: [value // (2 * channels) for value in values]  # real and imaginary part of each channel
        for channels in (2, 1)
        if all(value % (2 * channels) == 0 for value in values)
    }
    if not widths:
        odd = next(key for key, value in zip(keys, values, strict=True) if value % 2)
        raise UnlikeAnyError(f"{odd} has shape {shapes[odd]}, an odd number of values")
    return _mel_options(widths) if kind_of(shapes) == "mel" else _fixed_options(widths)


def values_in_bands(options: Options) -> list[int]:
    """How many values the weights of each band take: real and imaginary parts of each bin and channel."""
    if isinstance(options, MelOptions):
        ranges = mel_ranges(options.num_bands, options.stft_n_fft, options.sample_rate)
        widths = [end - first for first, end in ranges]
    else:
        widths = list(options.freqs_per_bands) if sum(options.freqs_per_bands) == options.stft_n_fft // 2 + 1 else []
    return [2 * (1 + options.stereo) * width for width in widths]


def _fixed_options(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Of mono and stereo the one that makes the rounder ``n_fft``: one has 1025 bins, where the other had 2050."""
    n_ffts = {channels: 2 * (sum(bins) - 1) for channels, bins in widths.items()}
    channels = max(n_ffts, key=lambda each: roundness(n_ffts[each]))
    return {"stereo": channels == 2, "stft_n_fft": n_ffts[channels], "freqs_per_bands": tuple(widths[channels])}


def _mel_options(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Find the spectrum whose mel bands have these widths; every bin lies in one or two of them."""
    for channels, bins in widths.items():
        n_ffts = range(max(2, sum(bins) // 2 * 2 - 2), min(2 * sum(bins), LONGEST_SEARCH) + 1, 2)
        tried = (n_fft for n_fft in n_ffts if n_fft <= FINE_SEARCH or n_fft % 64 == 0)
        for n_fft in sorted(tried, key=roundness, reverse=True):
            for rate in RATES:
                if [end - first for first, end in mel_ranges(len(bins), n_fft, rate)] == bins:
                    found = {"stft_n_fft": n_fft, "num_bands": len(bins), "sample_rate": rate}
                    return {"stereo": channels == 2} | found
    raise UnlikeAnyError("its bands have widths of no usual spectrum's mel bands")


def roundness(number: int) -> int:
    """The largest power of two that divides a number."""
    return number & -number


def mask_options(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Number and sizes of the mask estimators."""
    # Every second module of a mask estimator is a tanh.
    hidden = _numbered(shapes, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d{1,9})\.") // 2
    rows, dim = _shape(shapes, "mask_estimators.0.to_freqs.0.0.0.weight", 2)
    stems = _numbered(shapes, r"mask_estimators\.(\d{1,9})\.")
    found = {"num_stems": stems, "mask_estimator_depth": hidden + DEPTH_OVER_HIDDEN[kind_of(shapes)]}
    return found | ({"mlp_expansion_factor": rows // dim} if hidden else {})
