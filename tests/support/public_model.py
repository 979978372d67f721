"""Reference of the public BS-RoFormer and Mel-Band RoFormer code, in plain loops."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]

COMMON: Mapping[str, Any] = (
    {"num_stems": 1, "stereo": False, "dim_head": 64, "heads": 8, "mlp_expansion_factor": 4}
    | {"time_transformer_depth": 2, "freq_transformer_depth": 2, "linear_transformer_depth": 0}
    | {"stft_n_fft": 2048, "stft_hop_length": 512, "stft_win_length": 2048, "stft_normalized": False}
    | {"zero_dc": True, "skip_connection": False}
)
WIDTHS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
MEL_BANDS: Mapping[str, Any] = {"num_bands": 60, "sample_rate": 44100, "match_input_audio_length": False}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bs": {**COMMON, "freqs_per_bands": WIDTHS, "mask_estimator_depth": 2},
    "mel": {**COMMON, **MEL_BANDS, "mask_estimator_depth": 1},
}


def mel_pattern(num_bands: int, n_fft: int, sample_rate: float) -> np.ndarray:
    """Bins (columns) of each band (row) on Slaney's scale, linear to 1 kHz (15 mel)."""
    step = np.log(6.4) / 27
    mels = np.linspace(0, 15 + np.log(sample_rate / 2 / 1000) / step, num_bands + 2)[:, None]
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * step))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    pattern = np.minimum(rising, falling) > 0
    pattern[0, 0] = pattern[-1, -1] = True
    assert pattern.any(axis=0).all(), "a bin that no band covers"
    return pattern


def band_bins(kind: str, full: Mapping[str, Any]) -> list[Tensor]:
    """The frequency bins of each band."""
    if kind == "mel":
        pattern = mel_pattern(full["num_bands"], full["stft_n_fft"], full["sample_rate"])
        return [torch.from_numpy(np.flatnonzero(row)) for row in pattern]
    widths = list(full["freqs_per_bands"])
    assert sum(widths) == full["stft_n_fft"] // 2 + 1, "the bands do not sum to the number of bins"
    return list(torch.arange(sum(widths)).split(widths))


def transformers(full: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The transformers of one block, in order, each with its number of layers."""
    depths = [(axis, full[f"{axis}_transformer_depth"]) for axis in ("linear", "time", "freq")]
    return depths if full["linear_transformer_depth"] > 0 else depths[1:]


def attention_shapes(axis: str, full: Mapping[str, Any]) -> Shapes:
    dim, heads, inner = full["dim"], full["heads"], full["heads"] * full["dim_head"]
    shapes: Shapes = {"norm.gamma": (dim,)}
    if axis == "linear":
        shapes |= {"to_qkv.0.weight": (3 * inner, dim), "to_out.1.weight": (dim, inner)}
        return shapes | {"temperature": (heads, 1, 1)}
    shapes |= {"to_qkv.weight": (3 * inner, dim), "to_out.0.weight": (dim, inner)}
    shapes |= {"to_gates.weight": (heads, dim), "to_gates.bias": (heads,)}
    return shapes | {"rotary_embed.freqs": (full["dim_head"] // 2,)}


def block_shapes(kind: str, full: Mapping[str, Any]) -> Shapes:
    dim = full["dim"]
    shapes: Shapes = {}
    feed_forward: Shapes = {"net.0.gamma": (dim,), "net.1.weight": (4 * dim, dim), "net.1.bias": (4 * dim,)}
    feed_forward |= {"net.4.weight": (dim, 4 * dim), "net.4.bias": (dim,)}
    for j, (axis, depth) in enumerate(transformers(full)):
        for k in range(depth):
            shapes |= {f"{j}.layers.{k}.0.{key}": shape for key, shape in attention_shapes(axis, full).items()}
            shapes |= {f"{j}.layers.{k}.1.{key}": shape for key, shape in feed_forward.items()}
        if kind == "mel":
            shapes[f"{j}.norm.gamma"] = (dim,)
    return shapes


def mask_shapes(kind: str, full: Mapping[str, Any], width: int) -> Shapes:
    """One band's mask MLP: BS counts one of its hidden layers fewer than Mel."""
    hidden = full["mask_estimator_depth"] - (kind == "bs")
    sizes = [full["dim"], *[full["dim"] * full["mlp_expansion_factor"]] * hidden, 2 * width]
    shapes: Shapes = {}
    for i, (size_in, size_out) in enumerate(pairwise(sizes)):
        shapes |= {f"0.{2 * i}.weight": (size_out, size_in), f"0.{2 * i}.bias": (size_out,)}
    return shapes


def key_shapes(kind: str, options: Mapping[str, Any]) -> Shapes:
    """Every key of the state dict, with its shape."""
    full = {**DEFAULTS[kind], **options}
    layers, dim = block_shapes(kind, full), full["dim"]
    shapes = {f"layers.{i}.{key}": shape for i in range(full["depth"]) for key, shape in layers.items()}
    shapes |= {"final_norm.gamma": (dim,)} if kind == "bs" else {}
    for band, bins in enumerate(band_bins(kind, full)):
        width = 2 * len(bins) * (2 if full["stereo"] else 1)
        split = {"0.gamma": (width,), "1.weight": (dim, width), "1.bias": (dim,)}
        shapes |= {f"band_split.to_features.{band}.{key}": shape for key, shape in split.items()}
        mlp = mask_shapes(kind, full, width)
        for stem in range(full["num_stems"]):
            shapes |= {f"mask_estimators.{stem}.to_freqs.{band}.{key}": shape for key, shape in mlp.items()}
    return shapes


def random_state(
    kind: str, options: Mapping[str, Any], seed: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Draw weights that keep outputs of order 1, with the public rotary frequencies."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in key_shapes(kind, options).items():
        value = torch.randn(shape, generator=generator)
        if key.endswith("freqs"):
            value = 1 / 10000 ** (torch.arange(shape[0]) / shape[0])
        else:
            value = value * shape[1] ** -0.5 if key.endswith("weight") else 0.2 * value + key.endswith("gamma")
        state[key] = value.to(dtype)
    return state


def under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def linear(x: Tensor, state: Mapping[str, Tensor], name: str) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))


def rms_norm(x: Tensor, gamma: Tensor) -> Tensor:
    return F.normalize(x, dim=-1) * x.shape[-1] ** 0.5 * gamma


def rotate(x: Tensor, freqs: Tensor) -> Tensor:
    """Rotate each pair of neighbouring channels by its position times its frequency."""
    angles = torch.arange(x.shape[-2])[:, None] * freqs
    even, odd, cos, sin = x[..., 0::2], x[..., 1::2], angles.cos(), angles.sin()
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2)


def attention(x: Tensor, layer: Mapping[str, Tensor]) -> Tensor:
    x = rms_norm(x, layer["norm.gamma"])
    gates = linear(x, layer, "to_gates").sigmoid()
    q, k, v = linear(x, layer, "to_qkv").unflatten(-1, (3, gates.shape[-1], -1)).permute(2, 0, 3, 1, 4)
    q, k = rotate(q, layer["rotary_embed.freqs"]), rotate(k, layer["rotary_embed.freqs"])
    weights = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
    out = (weights @ v).transpose(1, 2) * gates[..., None]
    return linear(out.flatten(-2), layer, "to_out.0")


def linear_attention(x: Tensor, layer: Mapping[str, Tensor]) -> Tensor:
    """Attention between the channels of a head, each scaled to Euclidean length 1."""
    x, temperature = rms_norm(x, layer["norm.gamma"]), layer["temperature"]
    q, k, v = linear(x, layer, "to_qkv.0").unflatten(-1, (3, len(temperature), -1)).permute(2, 0, 3, 4, 1)
    q, k = F.normalize(q, dim=-1) * temperature.exp(), F.normalize(k, dim=-1)
    out = (q @ k.transpose(-1, -2) * 8).softmax(dim=-1) @ v
    return linear(out.permute(0, 3, 1, 2).flatten(-2), layer, "to_out.1")


def transformer(x: Tensor, state: Mapping[str, Tensor], axis: str, depth: int) -> Tensor:
    """Transformer on (batch, length, dim); its final norm is optional in the weights."""
    for k in range(depth):
        layer, wide = under(state, f"layers.{k}.0."), under(state, f"layers.{k}.1.net.")
        x = (linear_attention if axis == "linear" else attention)(x, layer) + x
        x = linear(F.gelu(linear(rms_norm(x, wide["0.gamma"]), wide, "1")), wide, "4") + x
    return rms_norm(x, state["norm.gamma"]) if "norm.gamma" in state else x


def block(x: Tensor, full: Mapping[str, Any], state: Mapping[str, Tensor], earlier: list[Tensor]) -> Tensor:
    """One of the `depth` blocks, on (times, bands, dim)."""
    for j, (axis, depth) in enumerate(transformers(full)):
        part = under(state, f"{j}.")
        if axis == "linear":
            x = transformer(x.flatten(0, 1)[None], part, axis, depth).reshape(x.shape)
        elif axis == "time":
            x = x + sum(earlier) if full["skip_connection"] else x
            x = transformer(x.transpose(0, 1), part, axis, depth).transpose(0, 1)
        else:
            x = transformer(x, part, axis, depth)
    return x


def encode(kind: str, full: Mapping[str, Any], state: Mapping[str, Tensor], bands: list[Tensor]) -> Tensor:
    """Encode bands (times, width) to the mask estimators' input (times, bands, dim)."""
    splits = [under(state, f"band_split.to_features.{band}.") for band in range(len(bands))]
    parts = [linear(rms_norm(band, split["0.gamma"]), split, "1") for band, split in zip(bands, splits, strict=True)]
    x = torch.stack(parts, dim=1)
    outputs: list[Tensor] = []
    for i in range(full["depth"]):
        x = block(x, full, under(state, f"layers.{i}."), outputs)
        outputs.append(x)
    return rms_norm(x, state["final_norm.gamma"]) if kind == "bs" else x


def mask(x: Tensor, state: Mapping[str, Tensor], bins: list[Tensor], like: Tensor) -> Tensor:
    """Complex mask of one stem (times, bins, channels), the mean over its bands."""
    total, count = torch.zeros_like(torch.view_as_real(like)), torch.zeros(like.shape[1])
    for band, where in enumerate(bins):
        mlp, values = under(state, f"to_freqs.{band}.0."), x[:, band]
        for i in range(len(mlp) // 2):
            values = linear(values.tanh() if i else values, mlp, f"{2 * i}")
        total[:, where] += F.glu(values, dim=-1).view(len(x), len(where), -1, 2)
        count[where] += 1
    return torch.view_as_complex(total / count.clamp(min=1e-8)[:, None, None])


def forward(kind: str, options: Mapping[str, Any], state: Mapping[str, Tensor], mixture: Tensor) -> Tensor:
    """Separate a mixture (channels, samples) into stems (stems, channels, samples)."""
    full = {**DEFAULTS[kind], **options}
    assert len(mixture) == (2 if full["stereo"] else 1), "not the channels that the model takes"
    state = {key: value.detach().float() for key, value in state.items()}
    n_fft, hop, win = full["stft_n_fft"], full["stft_hop_length"], full["stft_win_length"]
    frames = {"win_length": win, "window": torch.hann_window(win), "normalized": full["stft_normalized"]}
    spectrum = torch.stft(mixture, n_fft, hop, **frames, return_complex=True).permute(2, 1, 0)
    bins = band_bins(kind, full)
    x = encode(kind, full, state, [torch.view_as_real(spectrum[:, where]).flatten(1) for where in bins])
    masks = [mask(x, under(state, f"mask_estimators.{stem}."), bins, spectrum) for stem in range(full["num_stems"])]
    stems = (spectrum * torch.stack(masks)).permute(0, 3, 2, 1)
    if full["zero_dc"]:
        stems[:, :, 0] = 0
    length = mixture.shape[-1] if kind == "bs" or full["match_input_audio_length"] else None
    return torch.stack([torch.istft(stem, n_fft, hop, **frames, length=length) for stem in stems])
