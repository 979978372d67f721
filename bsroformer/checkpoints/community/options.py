"""The public models' constructor arguments with their defaults, and what they are in this project's settings."""

from itertools import groupby
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from bsroformer.errors import InputError
from bsroformer.model import ModelSettings
from bsroformer.model.settings import FixedBands, MelBands, Settings, Share

Kind = Literal["bs", "mel"]
TITLES: dict[Kind, str] = {"bs": "BS-RoFormer", "mel": "Mel-Band RoFormer"}
PAPER_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
WITHOUT_EFFECT = {
    "flash_attn",
    "sage_attention",
    "use_torch_checkpoint",
    "dim_freqs_in",
    "match_input_audio_length",  # stems are always as long as the mixture here
    "multi_stft_resolution_loss_weight",
    "multi_stft_resolutions_window_sizes",
    "multi_stft_hop_size",
    "multi_stft_normalized",
    "multi_stft_window_fn",
}
"""Options of speed and of the training loss: they change no output."""
UNSUPPORTED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "use_pope": ("polar positions (PoPE)", (False, None)),
    "num_residual_streams": ("hyper-connections", (1, None)),
    "use_value_residual_learning": ("value residuals", (False, None)),
    "use_shared_bias": ("shared biases", (False, None)),
    "stft_window_fn": ("a window of its own", (None, "torch.hann_window")),
    "freq_range": ("a part of the spectrum", (None,)),
}
"""Options that change the model in ways that are not known here: what each asks for, and its values that do not."""


Depth = Annotated[int, Field(gt=0, le=256)]
Layers = Annotated[int, Field(ge=0, le=16)]
Samples = Annotated[int, Field(gt=0, le=2**18)]
"""Counts that the public models stay far below, so that a slip of a digit is told and not built."""


class RoformerOptions(Settings):
    """What both models take."""

    title: ClassVar[Kind]
    dim: PositiveInt
    depth: Depth
    stereo: bool = False
    num_stems: Depth = 1
    time_transformer_depth: Layers = 2
    freq_transformer_depth: Layers = 2
    linear_transformer_depth: Layers = 0
    dim_head: PositiveInt = 64
    heads: PositiveInt = 8
    attn_dropout: Share = 0.0
    ff_dropout: Share = 0.0
    stft_n_fft: Samples = 2048
    stft_hop_length: Samples = 512
    stft_win_length: Samples = 2048
    stft_normalized: bool = False
    zero_dc: bool = True
    mask_estimator_depth: Layers
    mlp_expansion_factor: PositiveInt = 4
    skip_connection: bool = False


class BsOptions(RoformerOptions):
    """BS-RoFormer's: bands side by side, one norm after the last block."""

    title: ClassVar[Kind] = "bs"
    mask_estimator_depth: Annotated[int, Field(gt=0, le=16)] = 2
    """Linear layers of a mask estimator."""
    freqs_per_bands: tuple[PositiveInt, ...] = PAPER_BANDS


class MelOptions(RoformerOptions):
    """Mel-Band RoFormer's: overlapping bands, a norm after each transformer."""

    title: ClassVar[Kind] = "mel"
    attn_dropout: Share = 0.1
    ff_dropout: Share = 0.1
    mask_estimator_depth: Layers = 1
    """Hidden layers of a mask estimator: one less than it has linear layers."""
    num_bands: Annotated[int, Field(gt=0, le=4096)] = 60
    sample_rate: PositiveInt = 44_100
    """Hz, for the layout of the bands."""


Options = BsOptions | MelOptions
OPTIONS: dict[Kind, type[BsOptions] | type[MelOptions]] = {"bs": BsOptions, "mel": MelOptions}


def settings_of(
    options: Options, stems: tuple[str, ...], sample_rate: int, chunk_seconds: float, source: str
) -> ModelSettings:
    """The model that the public code builds of `options`, as this project's settings.

    Args:
        options: The constructor's arguments.
        stems: Names of the outputs, in their order.
        sample_rate: Of the audio, Hz.
        chunk_seconds: Length of a window.
        source: Where the options come from, for the message.

    Raises:
        InputError: If there is no such model.
    """
    tree = {
        "stems": stems,
        "sample_rate": sample_rate,
        "channels": 2 if options.stereo else 1,
        "chunk_seconds": chunk_seconds,
        "stft": {
            "n_fft": options.stft_n_fft,
            "hop_length": options.stft_hop_length,
            "win_length": options.stft_win_length if options.stft_win_length != options.stft_n_fft else None,
            "normalized": options.stft_normalized,
        },
        "bands": _bands(options, sample_rate),
        "trunk": {
            "dim": options.dim,
            "depth": options.depth,
            "heads": options.heads,
            "dim_head": options.dim_head,
            "time_depth": options.time_transformer_depth,
            "band_depth": options.freq_transformer_depth,
            "linear_depth": options.linear_transformer_depth,
            "dropout": options.ff_dropout,
            "attention_dropout": options.attn_dropout if options.attn_dropout != options.ff_dropout else None,
            "norm": "each_transformer" if isinstance(options, MelOptions) else "final",
            "skip_connection": options.skip_connection,
        },
        "masks": {
            "expansion": options.mlp_expansion_factor,
            "hidden_layers": options.mask_estimator_depth - isinstance(options, BsOptions),
            "zero_dc": options.zero_dc,
        },
    }
    return ModelSettings.from_dict(tree, source)


def _bands(options: Options, sample_rate: int) -> dict[str, Any]:
    if isinstance(options, MelOptions):
        own_rate = options.sample_rate if options.sample_rate != sample_rate else None
        return {"layout": "mel", "count": options.num_bands, "sample_rate": own_rate}
    widths = [(len(list(same)), width) for width, same in groupby(options.freqs_per_bands)]
    return {"layout": "fixed", "widths": widths}


def options_of(settings: ModelSettings) -> Options:
    """The arguments with which the public code builds this model.

    Raises:
        InputError: If the public code has no such model.
    """
    kind = _public_kind(settings)
    stft, trunk, masks = settings.stft, settings.trunk, settings.masks
    tree: dict[str, Any] = {
        "dim": trunk.dim,
        "depth": trunk.depth,
        "stereo": settings.channels == 2,
        "num_stems": len(settings.stems),
        "time_transformer_depth": trunk.time_depth,
        "freq_transformer_depth": trunk.band_depth,
        "linear_transformer_depth": trunk.linear_depth,
        "dim_head": trunk.dim_head,
        "heads": trunk.heads,
        "attn_dropout": trunk.dropout_of_attention,
        "ff_dropout": trunk.dropout,
        "stft_n_fft": stft.n_fft,
        "stft_hop_length": stft.hop_length,
        "stft_win_length": stft.win_length or stft.n_fft,
        "stft_normalized": stft.normalized,
        "zero_dc": masks.zero_dc,
        "mask_estimator_depth": masks.hidden_layers + (kind == "bs"),
        "mlp_expansion_factor": masks.expansion,
        "skip_connection": trunk.skip_connection,
    }
    if isinstance(settings.bands, FixedBands):
        widths = tuple(width for count, width in settings.bands.widths for _ in range(count))
        return BsOptions(**tree, freqs_per_bands=widths)
    rate = settings.bands.sample_rate or settings.sample_rate
    return MelOptions(**tree, num_bands=settings.bands.count, sample_rate=rate)


def _public_kind(settings: ModelSettings) -> Kind:
    if settings.channels > 2:
        raise InputError(f"the public code knows mono and stereo, and this model has {settings.channels} channels")
    mel, each = isinstance(settings.bands, MelBands), settings.trunk.norm == "each_transformer"
    if mel != each:
        raise InputError(
            f"the public code has no model of {settings.bands.layout} bands whose norm is {settings.trunk.norm}: "
            "it has fixed bands with model.trunk.norm=final, and mel bands with each_transformer"
        )
    return "mel" if mel else "bs"
