"""Readable description of a Band-Split RoFormer's sizes."""

from collections.abc import Iterator

from bsroformer.models.bs_roformer.settings import (
    FixedBands,
    MaskSettings,
    MelBands,
    RoformerSettings,
    TrunkSettings,
)


def facts(settings: RoformerSettings) -> Iterator[tuple[str, str]]:
    """Yield spectrum, bands, trunk, norm and masks for ``checkpoint inspect``."""
    yield "spectrum", settings.stft.described()
    yield "bands", _bands(settings.bands, settings.sample_rate)
    yield "trunk", _trunk(settings.trunk)
    yield "norm", "after each transformer" if settings.trunk.norm == "each_transformer" else "after the last block"
    yield "masks", _masks(settings.masks, settings.trunk.dim)


def _trunk(trunk: TrunkSettings) -> str:
    layers = [f"{trunk.time_depth} along time", f"{trunk.band_depth} along bands"]
    if trunk.linear_depth:
        layers.append(f"{trunk.linear_depth} with linear attention")
    parts = [
        f"dim {trunk.dim}",
        f"{trunk.depth} blocks (layers: {', '.join(layers)})",
        f"{trunk.heads} heads of {trunk.dim_head}",
    ]
    if trunk.convolution is not None:
        parts.append(f"convolutions of {trunk.convolution.kernel} with {trunk.convolution.hidden} hidden features")
    if trunk.skip_connection:
        parts.append("skip connections")
    return ", ".join(parts)


def _masks(masks: MaskSettings, dim: int) -> str:
    layers = "1 hidden layer" if masks.hidden_layers == 1 else f"{masks.hidden_layers} hidden layers"
    description = f"{layers} of {masks.width(dim)} features"
    if masks.shared:
        description += ", shared by all stems"
    if masks.zero_dc:
        return f"{description}, bin 0 set to zero"
    return description


def _bands(bands: FixedBands | MelBands, sample_rate: int) -> str:
    if isinstance(bands, FixedBands):
        runs = ", ".join(f"{count} x {width}" for count, width in bands.widths)
        return f"{bands.count} side by side, in bins: {runs}"
    return f"{bands.count} overlapping on the mel scale, for {bands.sample_rate or sample_rate} Hz"
