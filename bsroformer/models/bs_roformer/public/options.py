"""Constructor arguments of the public models, and their conversion to settings."""

from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, ValidationError

from bsroformer.errors import InputError
from bsroformer.models.bs_roformer.settings import (
    FixedBands,
    LayersOrNone,
    MelBands,
    RoformerSettings,
    roformer_settings,
)
from bsroformer.models.problems import describe_problem
from bsroformer.models.registry import check_sizes
from bsroformer.models.settings import Bands, Features, HeadFeatures, Layers, Rate, Samples, Settings, Share

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
"""Options of speed and of the training loss, without effect on the output."""
UNSUPPORTED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "use_pope": ("polar positions (PoPE)", (False, None)),
    "num_residual_streams": ("hyper-connections", (1, None)),
    "use_value_residual_learning": ("value residuals", (False, None)),
    "use_shared_bias": ("shared biases", (False, None)),
    "stft_window_fn": ("a window other than Hann's", (None, "torch.hann_window")),
    "freq_range": ("a part of the spectrum", (None,)),
}
"""Options of unsupported features: the feature of each, and its values that do not use it."""
SAME = {
    "dim": "trunk.dim",
    "depth": "trunk.depth",
    "time_transformer_depth": "trunk.time_depth",
    "freq_transformer_depth": "trunk.band_depth",
    "linear_transformer_depth": "trunk.linear_depth",
    "dim_head": "trunk.dim_head",
    "heads": "trunk.heads",
    "ff_dropout": "trunk.dropout",
    "skip_connection": "trunk.skip_connection",
    "stft_n_fft": "stft.n_fft",
    "stft_hop_length": "stft.hop_length",
    "stft_normalized": "stft.normalized",
    "mlp_expansion_factor": "masks.expansion",
    "zero_dc": "masks.zero_dc",
}
"""Options that equal a setting; `settings_of` and `options_of` convert the others."""
DEPTH_OVER_HIDDEN: dict[Kind, int] = {"bs": 1, "mel": 0}
"""``mask_estimator_depth`` counts all linear layers of a mask estimator in BS-RoFormer, hidden ones in Mel-Band."""


class RoformerOptions(Settings):
    """Options of both models."""

    dim: Annotated[Features, Strict()]
    depth: Annotated[Layers, Strict()]
    stereo: bool = False
    num_stems: Annotated[int, Strict(), Field(gt=0, le=256)] = 1
    time_transformer_depth: Annotated[Layers, Strict()] = 2
    freq_transformer_depth: Annotated[Layers, Strict()] = 2
    linear_transformer_depth: Annotated[LayersOrNone, Strict()] = 0
    dim_head: Annotated[HeadFeatures, Strict()] = 64
    heads: Annotated[Features, Strict()] = 8
    attn_dropout: Share = 0.0
    ff_dropout: Share = 0.0
    stft_n_fft: Annotated[Samples, Strict()] = 2048
    stft_hop_length: Annotated[Samples, Strict()] = 512
    stft_win_length: Annotated[Samples, Strict()] = 2048
    stft_normalized: bool = False
    zero_dc: bool = True
    mlp_expansion_factor: Annotated[Features, Strict()] = 4
    skip_connection: bool = False


class BsOptions(RoformerOptions):
    """Options of BS-RoFormer: bands side by side, one norm after the last block."""

    mask_estimator_depth: Annotated[Layers, Strict()] = 2
    freqs_per_bands: tuple[Annotated[Samples, Strict()], ...] = PAPER_BANDS


class MelOptions(RoformerOptions):
    """Options of Mel-Band RoFormer: overlapping bands, a norm after each transformer."""

    attn_dropout: Share = 0.1
    ff_dropout: Share = 0.1
    mask_estimator_depth: Annotated[LayersOrNone, Strict()] = 1
    num_bands: Annotated[Bands, Strict()] = 60
    sample_rate: Annotated[Rate, Strict()] = 44_100
    """Hz, for the layout of the bands."""


Options = BsOptions | MelOptions
OPTIONS: dict[Kind, type[BsOptions] | type[MelOptions]] = {"bs": BsOptions, "mel": MelOptions}


def settings_of(
    options: Options, stems: tuple[str, ...], sample_rate: int, chunk_seconds: float, source: str
) -> RoformerSettings:
    """Convert options to the settings of the model that the public code builds.

    Args:
        options: The constructor's arguments.
        stems: Names of the outputs, in order.
        sample_rate: Sample rate of the audio, Hz.
        chunk_seconds: Length of a window.
        source: Origin of the options, for the message.

    Raises:
        InputError: If they do not describe a model.
    """
    tree: dict[str, Any] = {"stft": {}, "trunk": {}, "masks": {}}
    for option, setting in SAME.items():
        part, name = setting.split(".")
        tree[part][name] = getattr(options, option)
    kind: Kind = "mel" if isinstance(options, MelOptions) else "bs"
    if options.stft_win_length != options.stft_n_fft:
        tree["stft"]["win_length"] = options.stft_win_length
    if options.attn_dropout != options.ff_dropout:
        tree["trunk"]["attention_dropout"] = options.attn_dropout
    tree["trunk"]["norm"] = "each_transformer" if kind == "mel" else "final"
    tree["masks"]["hidden_layers"] = options.mask_estimator_depth - DEPTH_OVER_HIDDEN[kind]
    tree["bands"] = _bands(options, sample_rate)
    tree["stems"] = stems
    tree["sample_rate"] = sample_rate
    tree["channels"] = 2 if options.stereo else 1
    tree["chunk_seconds"] = chunk_seconds
    return check_sizes(roformer_settings(tree, source), source)


def _bands(options: Options, sample_rate: int) -> dict[str, Any]:
    if isinstance(options, MelOptions):
        own_rate = options.sample_rate if options.sample_rate != sample_rate else None
        return {"layout": "mel", "count": options.num_bands, "sample_rate": own_rate}
    widths = [(len(list(same)), width) for width, same in groupby(options.freqs_per_bands)]
    return {"layout": "fixed", "widths": widths}


def options_of(settings: RoformerSettings) -> Options:
    """Convert settings to the options with which the public code builds the model.

    Raises:
        InputError: If the public code has no such model.
    """
    kind = _public_kind(settings)
    tree = {option: attrgetter(setting)(settings) for option, setting in SAME.items()}
    tree |= {
        "stereo": settings.channels == 2,
        "num_stems": len(settings.stems),
        "attn_dropout": settings.trunk.dropout_of_attention,
        "stft_win_length": settings.stft.win_length or settings.stft.n_fft,
        "mask_estimator_depth": settings.masks.hidden_layers + DEPTH_OVER_HIDDEN[kind],
    }
    if isinstance(settings.bands, FixedBands):
        widths = tuple(width for count, width in settings.bands.widths for _ in range(count))
        tree["freqs_per_bands"] = widths
    else:
        tree["num_bands"] = settings.bands.count
        tree["sample_rate"] = settings.bands.sample_rate or settings.sample_rate
    return checked_options(kind, tree, "the model")


def checked_options(kind: Kind, tree: dict[str, Any], source: str) -> Options:
    """Validate options that do not come from a YAML.

    Raises:
        InputError: If one of them is out of range.
    """
    try:
        return OPTIONS[kind].model_validate(tree)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"{source} has a {problem['loc'][0]} that no public model supports: {describe_problem(problem)}"
        ) from error


def _public_kind(settings: RoformerSettings) -> Kind:
    if settings.channels > 2:
        raise InputError(f"the public layout has 1 or 2 channels, got {settings.channels}; use action=convert")
    if settings.trunk.convolution is not None:
        raise InputError("the public layout has no model with model.trunk.convolution; use action=convert")
    mel = isinstance(settings.bands, MelBands)
    norm_each = settings.trunk.norm == "each_transformer"
    if mel != norm_each:
        raise InputError(
            f"the public code has no model of {settings.bands.layout} bands whose norm is {settings.trunk.norm}: "
            "it has fixed bands with model.trunk.norm=final, and mel bands with each_transformer; use action=convert"
        )
    return "mel" if mel else "bs"
