"""The public checkpoints' key layout, mapped onto this project's grouped weights, for comparison with references."""

from collections.abc import Mapping
from pathlib import Path

import torch
import yaml
from torch import Tensor

from bsroformer.model import BandSplitRoformer, ModelSettings
from bsroformer.model.roformer import band_layout


class TupleLoader(yaml.SafeLoader):
    """A safe loader that reads `!!python/tuple` as a list."""


TupleLoader.add_constructor("tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node))


def settings_from_yaml(path: Path) -> ModelSettings:
    tree = yaml.load(path.read_text(), Loader=TupleLoader)
    model, audio, training = tree["model"], tree["audio"], tree["training"]
    fixed = "freqs_per_bands" in model
    target = training.get("target_instrument")
    return ModelSettings.from_dict(
        {
            "stems": [target] if target else training["instruments"],
            "sample_rate": audio["sample_rate"],
            "channels": 2 if model["stereo"] else 1,
            "chunk_seconds": audio["chunk_size"] / audio["sample_rate"],
            "stft": {
                "n_fft": model["stft_n_fft"],
                "hop_length": model["stft_hop_length"],
                "normalized": model["stft_normalized"],
            },
            "bands": {"layout": "fixed", "widths": [[1, width] for width in model["freqs_per_bands"]]}
            if fixed
            else {"layout": "mel", "count": model["num_bands"]},
            "trunk": {
                "dim": model["dim"],
                "depth": model["depth"],
                "heads": model["heads"],
                "dim_head": model["dim_head"],
                "time_depth": model["time_transformer_depth"],
                "band_depth": model["freq_transformer_depth"],
                "norm": "final" if fixed else "each_transformer",
                "skip_connection": model.get("skip_connection", False),
            },
            "masks": {
                "expansion": model["mlp_expansion_factor"],
                "hidden_layers": model["mask_estimator_depth"] - fixed,
                "zero_dc": model.get("zero_dc", True),
            },
        }
    )


def grouped_weights(community: Mapping[str, Tensor], model: BandSplitRoformer) -> dict[str, Tensor]:
    """Rename the public keys and stack the weights of bands and stems as `BandLinear` holds them."""
    layout, trunk = band_layout(model.settings), model.settings.trunk
    stems, hidden = len(model.stems), model.settings.masks.hidden_layers
    weights: dict[str, Tensor] = {}
    for block in range(trunk.depth):
        for axis, name, layers in ((0, "time", trunk.time_depth), (1, "band", trunk.band_depth)):
            source, target = f"layers.{block}.{axis}", f"blocks.{block}.{name}"
            for layer in range(layers):
                attention, feed_forward = f"{source}.layers.{layer}.0", f"{source}.layers.{layer}.1.net"
                for ours, theirs in {
                    f"attentions.{layer}.norm.gamma": f"{attention}.norm.gamma",
                    f"attentions.{layer}.to_qkv.weight": f"{attention}.to_qkv.weight",
                    f"attentions.{layer}.to_gates.weight": f"{attention}.to_gates.weight",
                    f"attentions.{layer}.to_gates.bias": f"{attention}.to_gates.bias",
                    f"attentions.{layer}.to_out.weight": f"{attention}.to_out.0.weight",
                    f"feed_forwards.{layer}.norm.gamma": f"{feed_forward}.0.gamma",
                    f"feed_forwards.{layer}.expand.weight": f"{feed_forward}.1.weight",
                    f"feed_forwards.{layer}.expand.bias": f"{feed_forward}.1.bias",
                    f"feed_forwards.{layer}.contract.weight": f"{feed_forward}.4.weight",
                    f"feed_forwards.{layer}.contract.bias": f"{feed_forward}.4.bias",
                }.items():
                    weights[f"{target}.{ours}"] = community[theirs]
            if trunk.norm == "each_transformer":
                weights[f"{target}.norm.gamma"] = community[f"{source}.norm.gamma"]
    if trunk.norm == "final":
        weights["final_norm.gamma"] = community["final_norm.gamma"]

    for index, group in enumerate(layout.groups):
        split = [f"band_split.to_features.{band}" for band in group.bands]
        gammas = torch.stack([community[f"{key}.0.gamma"] for key in split])
        weights[f"band_split.gammas.{index}"] = gammas.unsqueeze(1)
        for part in ("weight", "bias"):
            stacked = torch.stack([community[f"{key}.1.{part}"] for key in split])
            weights[f"band_split.linears.{index}.{part}"] = stacked

    def stacked_masks(bands: tuple[int, ...], layer: int, part: str) -> Tensor:
        keys = [
            [f"mask_estimators.{stem}.to_freqs.{band}.0.{2 * layer}.{part}" for stem in range(stems)] for band in bands
        ]
        join = torch.cat if layer == 0 else torch.stack  # the first layer computes the stems side by side
        per_band = torch.stack([join([community[key] for key in row]) for row in keys])
        return per_band if layer == 0 else per_band.flatten(0, 1)

    for part in ("weight", "bias"):
        for layer in range(hidden):
            weights[f"mask_estimators.hidden.{layer}.{part}"] = stacked_masks(layout.grouped_bands, layer, part)
        for index, group in enumerate(layout.groups):
            weights[f"mask_estimators.outputs.{index}.{part}"] = stacked_masks(group.bands, hidden, part)
    return weights
