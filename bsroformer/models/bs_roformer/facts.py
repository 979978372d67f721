"""Readable description of a Band-Split RoFormer's sizes."""

from collections.abc import Iterator

from bsroformer.models.bs_roformer.settings import FixedBands, MelBands, RoformerSettings


def facts(settings: RoformerSettings) -> Iterator[tuple[str, str]]:
    """Yield spectrum, bands, trunk, norm and masks for ``checkpoint inspect``."""
    stft = settings.stft
    trunk = settings.trunk
    masks = settings.masks
    window = f", window {stft.win_length}" if stft.win_length else ""
    normalized = ", normalized" if stft.normalized else ""
    yield "spectrum", f"n_fft {stft.n_fft}, hop {stft.hop_length}{window}{normalized}"
    yield "bands", _bands(settings.bands, settings.sample_rate)
    linear = f", {trunk.linear_depth} with linear attention" if trunk.linear_depth else ""
    each = f"{trunk.time_depth} along time, {trunk.band_depth} along bands{linear}"
    skip = ", skip connections" if trunk.skip_connection else ""
    heads = f"{trunk.heads} heads of {trunk.dim_head}"
    yield "trunk", f"dim {trunk.dim}, {trunk.depth} blocks (layers: {each}), {heads}{skip}"
    yield "norm", "after each transformer" if trunk.norm == "each_transformer" else "after the last block"
    dc = ", bin 0 set to zero" if masks.zero_dc else ""
    layers = "1 hidden layer" if masks.hidden_layers == 1 else f"{masks.hidden_layers} hidden layers"
    yield "masks", f"{layers} of {masks.expansion * trunk.dim} features{dc}"


def _bands(bands: FixedBands | MelBands, sample_rate: int) -> str:
    if isinstance(bands, FixedBands):
        runs = ", ".join(f"{count} x {width}" for count, width in bands.widths)
        return f"{bands.count} side by side, in bins: {runs}"
    return f"{bands.count} overlapping on the mel scale, for {bands.sample_rate or sample_rate} Hz"
