"""Mapping between the public layout and this project's weights.

The public layout has one tensor for each band and stem; here those of one width share a tensor (`BandLinear`).
"""

from collections.abc import Iterator, Mapping

from torch import Tensor

from bsroformer.models.bs_roformer.bands import BandLayout
from bsroformer.models.bs_roformer.settings import RoformerSettings, TrunkSettings
from bsroformer.models.empty_model import skeleton
from bsroformer.models.tensor_slot import Index, Shape, TensorSlot

ATTENTION = {
    "norm.gamma": "norm.gamma",
    "to_qkv.weight": "to_qkv.weight",
    "to_gates.weight": "to_gates.weight",
    "to_gates.bias": "to_gates.bias",
    "to_out.weight": "to_out.0.weight",
}
LINEAR_ATTENTION = {
    "norm.gamma": "norm.gamma",
    "to_qkv.weight": "to_qkv.0.weight",
    "temperature": "temperature",
    "to_out.weight": "to_out.1.weight",
}
FEED_FORWARD = {
    "norm.gamma": "net.0.gamma",
    "expand.weight": "net.1.weight",
    "expand.bias": "net.1.bias",
    "contract.weight": "net.4.weight",
    "contract.bias": "net.4.bias",
}
"""Names within a layer: this project's -> public."""


def tensor_slots(settings: RoformerSettings) -> Iterator[TensorSlot]:
    """Yield a slot for each tensor of the public layout; all fill the model."""
    layout = settings.band_layout()
    yield from _trunk(settings.trunk)
    yield from _band_split(layout)
    yield from _mask_estimators(settings, layout)


def key_shapes(settings: RoformerSettings) -> dict[str, Shape]:
    """Compute the shape of each public key of a model."""
    weights = skeleton(settings).state_dict()
    return {slot.theirs: tuple(weights[slot.ours][slot.index].shape) for slot in tensor_slots(settings)}


def public_weights(weights: Mapping[str, Tensor], settings: RoformerSettings) -> dict[str, Tensor]:
    """Copy this project's weights into the public layout."""
    return {slot.theirs: weights[slot.ours][slot.index].clone() for slot in tensor_slots(settings)}


def _trunk(trunk: TrunkSettings) -> Iterator[TensorSlot]:
    transformers = [("time", trunk.time_depth), ("band", trunk.band_depth)]
    if trunk.linear_depth:
        transformers.insert(0, ("linear", trunk.linear_depth))
    for block in range(trunk.depth):
        for position, (name, depth) in enumerate(transformers):
            theirs = f"layers.{block}.{position}"
            ours = f"blocks.{block}.{name}"
            for layer in range(depth):
                yield from _layer(f"{theirs}.layers.{layer}", ours, name, layer)
            if trunk.norm == "each_transformer":
                yield TensorSlot(f"{theirs}.norm.gamma", f"{ours}.norm.gamma")
    if trunk.norm == "final":
        yield TensorSlot("final_norm.gamma", "final_norm.gamma")


def _layer(theirs: str, ours: str, transformer: str, layer: int) -> Iterator[TensorSlot]:
    names = LINEAR_ATTENTION if transformer == "linear" else ATTENTION
    for own, public in names.items():
        yield TensorSlot(f"{theirs}.0.{public}", f"{ours}.attentions.{layer}.{own}")
    for own, public in FEED_FORWARD.items():
        yield TensorSlot(f"{theirs}.1.{public}", f"{ours}.feed_forwards.{layer}.{own}")
    if transformer != "linear":  # shared by all layers of a direction, though each has its own key
        yield TensorSlot(f"{theirs}.0.rotary_embed.freqs", f"{transformer}_rotary.inverse_frequencies")


def _band_split(layout: BandLayout) -> Iterator[TensorSlot]:
    for number, group in enumerate(layout.groups):
        for place, band in enumerate(group.bands):
            theirs = f"band_split.to_features.{band}"
            yield TensorSlot(f"{theirs}.0.gamma", f"band_split.gammas.{number}", (place, 0))
            for part in ("weight", "bias"):
                yield TensorSlot(f"{theirs}.1.{part}", f"band_split.linears.{number}.{part}", (place,))


def _mask_estimators(settings: RoformerSettings, layout: BandLayout) -> Iterator[TensorSlot]:
    hidden = settings.masks.hidden_layers
    width = settings.masks.width(settings.trunk.dim)
    for layer in range(hidden):
        ours = f"mask_estimators.hidden.{layer}"
        yield from _mask_layer(layout.grouped_bands, layer, width, ours, settings)
    for number, group in enumerate(layout.groups):
        values = 2 * 2 * settings.channels * group.width  # real and imaginary, twice for the gates
        yield from _mask_layer(group.bands, hidden, values, f"mask_estimators.outputs.{number}", settings)


def _mask_layer(
    bands: tuple[int, ...], layer: int, width: int, ours: str, settings: RoformerSettings
) -> Iterator[TensorSlot]:
    """Yield the slots of a linear layer of the mask estimators.

    The first layer with weights for each stem has them side by side in each band, those after it one after another.
    Before it all stems share a layer, which the public layout repeats.
    """
    stems = len(settings.stems)
    first = settings.masks.first_stem_layer
    for place, band in enumerate(bands):
        for stem in range(stems):
            rows: Index = (place * stems + stem,)
            if layer < first:
                rows = (place,)
            elif layer == first:
                rows = (place, slice(stem * width, (stem + 1) * width))
            for part in ("weight", "bias"):  # every second module of the public code is a tanh
                theirs = f"mask_estimators.{stem}.to_freqs.{band}.0.{2 * layer}.{part}"
                yield TensorSlot(theirs, f"{ours}.{part}", rows)
