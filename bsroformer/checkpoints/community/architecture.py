"""A model's architecture, read from the names and shapes of its weights."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bsroformer.checkpoints.community.options import Kind
from bsroformer.checkpoints.piece import Shape
from bsroformer.errors import InputError
from bsroformer.model.bands import mel_ranges

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
OTHER_ARCHITECTURES = {
    r"^(tencoder|crosstransformer)\.": "HTDemucs",
    r"^(first_conv|encoder_blocks|bottleneck_block)\.": "MDX23C",
    r"^separation_net\.": "SCNet",
    r"^band_split\.norm_fc_modules\.": "BandIt",
    r"^lstm\.weight_ih_l0": "Open-Unmix",
}
"""What the keys of a file say about it, as regular expressions."""
RATES = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000, 96_000, 88_200, 12_000, 11_025, 8_000)
"""Sample rates, in Hz, for which bands on the mel scale may have been laid out."""
LONGEST_N_FFT = 2**17
"""Samples; for the search."""


def refuse_unsupported(keys: Iterable[str], source: str) -> None:
    """Tell what a file holds if it is no plain BS- or Mel-Band RoFormer.

    Raises:
        InputError: Naming what is not supported.
    """
    keys = list(keys)
    if "band_split.to_features.0.0.gamma" not in keys:
        names = [name for pattern, name in OTHER_ARCHITECTURES.items() if any(re.search(pattern, key) for key in keys)]
        known = f"it looks like {names[0]}" if names else f"its first keys are {', '.join(keys[:3]) or 'none'}"
        raise InputError(f"{source} holds no BS-RoFormer or Mel-Band RoFormer: {known}, which is not supported")
    for pattern, name in UNSUPPORTED_KEYS.items():
        if found := next((key for key in keys if re.search(pattern, key)), None):
            raise InputError(f"{source} has {name} (its key {found}), which is not supported")


def kind_of(shapes: Mapping[str, Shape]) -> Kind:
    """Whether the weights are a BS-RoFormer's, which has a norm after its last block, or a Mel-Band RoFormer's."""
    return "bs" if "final_norm.gamma" in shapes else "mel"


def options_from_shapes(shapes: Mapping[str, Shape], source: str) -> dict[str, Any]:
    """The constructor arguments that weights tell.

    Args:
        shapes: Of every weight, by public key.
        source: Where they come from, for the message.

    Raises:
        InputError: If they are of no model that the public code builds.
    """
    try:
        return _trunk(shapes) | _bands(shapes) | _masks(shapes)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{source} is not whole, or of another model: {reason}") from error


def _count(shapes: Mapping[str, Shape], pattern: str) -> int:
    """One more than the highest number that stands where `pattern` has its group."""
    count = max((int(found[1]) + 1 for key in shapes if (found := re.match(pattern, key))), default=0)
    if count > len(shapes):
        raise ValueError(f"a key numbered {count - 1} among {len(shapes)}")
    return count


def _trunk(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    linear = "layers.0.0.layers.0.0.temperature" in shapes
    attention = f"layers.0.{int(linear)}.layers.0.0"
    heads = shapes[f"{attention}.to_gates.weight"][0]
    depths = [_count(shapes, rf"layers\.0\.{place}\.layers\.(\d+)\.") for place in range(3)]
    return {
        "dim": shapes[f"{attention}.norm.gamma"][0],
        "depth": _count(shapes, r"layers\.(\d+)\."),
        "heads": heads,
        "dim_head": shapes[f"{attention}.to_qkv.weight"][0] // (3 * heads),
        "linear_transformer_depth": depths[0] if linear else 0,
        "time_transformer_depth": depths[linear],
        "freq_transformer_depth": depths[linear + 1],
    }


def _bands(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    count = _count(shapes, r"band_split\.to_features\.(\d+)\.")
    values = [shapes[f"band_split.to_features.{band}.0.gamma"][0] for band in range(count)]
    layouts = [_mel_bands, _fixed_bands][kind_of(shapes) == "bs"]
    per_bin = {channels: 2 * channels for channels in (2, 1)}  # real and imaginary part of each channel
    widths = {
        channels: [value // size for value in values]
        for channels, size in per_bin.items()
        if all(value % size == 0 for value in values)
    }
    return layouts(widths)


def _fixed_bands(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Of mono and stereo the one that makes the rounder ``n_fft``: one has 1025 bins, where the other had 2050."""
    n_ffts = {channels: 2 * (sum(bins) - 1) for channels, bins in widths.items()}
    channels = max(n_ffts, key=lambda each: roundness(n_ffts[each]))
    return {"stereo": channels == 2, "stft_n_fft": n_ffts[channels], "freqs_per_bands": tuple(widths[channels])}


def _mel_bands(widths: Mapping[int, list[int]]) -> dict[str, Any]:
    """Find the spectrum whose mel bands have these widths; every bin lies in one or two of them."""
    for channels, bins in widths.items():
        n_ffts = range(max(2, sum(bins) // 2 * 2 - 2), min(2 * sum(bins), LONGEST_N_FFT), 2)
        for n_fft in sorted(n_ffts, key=roundness, reverse=True):
            for rate in RATES:
                if [end - first for first, end in mel_ranges(len(bins), n_fft, rate)] == bins:
                    found = {"stft_n_fft": n_fft, "num_bands": len(bins), "sample_rate": rate}
                    return {"stereo": channels == 2} | found
    raise ValueError("no mel bands have these widths")


def roundness(number: int) -> int:
    """The largest power of two that divides a number."""
    return number & -number


def _masks(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    linears = _count(shapes, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d+)\.") // 2 + 1
    rows, dim = shapes["mask_estimators.0.to_freqs.0.0.0.weight"]
    return {
        "num_stems": _count(shapes, r"mask_estimators\.(\d+)\."),
        "mask_estimator_depth": linears - (kind_of(shapes) == "mel"),
    } | ({"mlp_expansion_factor": rows // dim} if linears > 1 else {})
