"""Settings of a Band-Split RoFormer."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from bsroformer.errors import InputError
from bsroformer.models.bs_roformer.bands import BandLayout, fixed_bands, mel_bands
from bsroformer.models.registry import settings_from_dict
from bsroformer.models.settings import (
    Bands,
    Features,
    HeadFeatures,
    Layers,
    ModelSettings,
    Rate,
    Samples,
    Settings,
    Share,
    StftSettings,
)

NAME: Literal["bs_roformer"] = "bs_roformer"
# Bounds far above all known models: see `bsroformer.models.settings`.
LayersOrNone = Annotated[int, Field(ge=0, le=256)]
MAX_LAYERS = 1024
"""Upper bound of the layers of all transformers of a model."""
MAX_MASK_LAYERS = 2**16
"""Upper bound of the linear layers of all mask estimators of a model."""
MAX_MASK_FEATURES = 2**20
"""Upper bound of the features of a mask estimator's hidden layer."""


class FixedBands(Settings):
    """Bands side by side, as pairs ``[count, width in bins]`` in ascending order."""

    layout: Literal["fixed"] = "fixed"
    widths: tuple[tuple[Bands, Samples], ...]

    @property
    def count(self) -> int:
        """Number of bands."""
        return sum(count for count, _ in self.widths)


class MelBands(Settings):
    """Overlapping bands on the mel scale."""

    layout: Literal["mel"] = "mel"
    count: Bands
    sample_rate: Rate | None = None
    """Hz, if the bands were laid out for another rate than the audio's."""


def is_none(value: object) -> bool:
    """Check for None."""
    return value is None


class ConvolutionSettings(Settings):
    """Feed-forward networks with convolutions along frames or bands."""

    hidden: Features
    """Features of the hidden layer."""
    kernel: Annotated[int, Field(gt=0, le=2**10)] = 4
    """Frames or bands that a convolution sees."""
    norm_groups: Features = 4
    """Groups of features that are normalised by themselves."""


class TrunkSettings(Settings):
    """The transformers between band split and masks."""

    dim: Features
    """Features of a band in a frame."""
    depth: Layers
    """Number of blocks; each holds a transformer along time and one along bands."""
    heads: Features
    dim_head: HeadFeatures
    """Features of a head; even, since rotary positions turn pairs."""
    time_depth: Layers = 1
    """Layers of a block's transformer along time."""
    band_depth: Layers = 1
    """Layers of a block's transformer along bands."""
    linear_depth: LayersOrNone = 0
    """Layers of a transformer with linear attention over all frames and bands, before the other two."""
    dropout: Share = 0.0
    attention_dropout: Share | None = None
    """Dropout of attention, if it differs from that of the feed-forward network."""
    norm: Literal["final", "each_transformer"] = "final"
    """One norm after the last block (public BS checkpoints) or one after each transformer (public Mel ones)."""
    skip_connection: bool = False
    """Add the outputs of all earlier blocks to the input of each."""
    convolution: ConvolutionSettings | None = Field(default=None, exclude_if=is_none)
    """Convolutions in the feed-forward networks; None: linear layers, as in the paper.

    Not written if None, so that older versions, which do not know the key, can read the file.
    """

    @model_validator(mode="after")
    def _of_a_known_size(self) -> Self:
        layers = self.depth * (self.time_depth + self.band_depth + self.linear_depth)
        if layers > MAX_LAYERS:
            raise ValueError(f"must have at most {MAX_LAYERS} layers in total, got {layers}")
        if self.convolution is not None and self.dim % self.convolution.norm_groups:
            groups = self.convolution.norm_groups
            raise ValueError(f"dim must be a multiple of convolution.norm_groups, got {self.dim} and {groups}")
        return self

    @property
    def dropout_of_attention(self) -> float:
        """Dropout of attention weights and of the output of attention."""
        return self.dropout if self.attention_dropout is None else self.attention_dropout


def whole_as_int(number: float) -> float:
    """Return a whole number as an integer, as public files have it."""
    return int(number) if number == int(number) else number


class MaskSettings(Settings):
    """The mask estimators."""

    expansion: Annotated[int | float, Field(gt=0, le=2**16), AfterValidator(whole_as_int)]
    """Width of their hidden layers over the trunk's `dim`."""
    hidden_layers: LayersOrNone = 1
    """Number of hidden layers; 1 in the paper (`mask_estimator_depth: 2` in a public YAML)."""
    shared: bool = False
    """All stems share the hidden layers of a band."""
    zero_dc: bool = False
    """Set bin 0 of every stem to zero."""

    @property
    def first_stem_layer(self) -> int:
        """Number of the first linear layer with weights of its own for each stem."""
        return self.hidden_layers if self.shared else 0

    def width(self, dim: int) -> int:
        """Features of a hidden layer, for a trunk of `dim` features."""
        return max(1, round(self.expansion * dim))


class RoformerSettings(ModelSettings):
    """Settings that rebuild a `BandSplitRoformer` without its weights."""

    TRAINING_ONLY = ("trunk.dropout", "trunk.attention_dropout")

    architecture: Literal["bs_roformer"] = Field(default=NAME, exclude=True)
    """Not written, so that older versions, which do not know the key, can read the file."""
    stft: StftSettings
    bands: Annotated[FixedBands | MelBands, Field(discriminator="layout")]
    trunk: TrunkSettings
    masks: MaskSettings

    @model_validator(mode="after")
    def _of_a_known_size(self) -> Self:
        layers = self.bands.count * len(self.stems) * (self.masks.hidden_layers + 1)
        if layers > MAX_MASK_LAYERS:
            raise ValueError(f"all mask estimators must have at most {MAX_MASK_LAYERS} layers in total, got {layers}")
        features = self.masks.width(self.trunk.dim)
        if features > MAX_MASK_FEATURES:
            raise ValueError(f"hidden layers of masks must have at most {MAX_MASK_FEATURES} features, got {features}")
        if self.chunk_seconds * self.sample_rate < self.stft.hop_length:
            raise ValueError("chunk_seconds must be at least one hop of the spectrum")
        return self

    def check(self) -> None:
        """Check that the bands cover the spectrum.

        Raises:
            InputError: If they do not.
        """
        self.band_layout()

    def band_layout(self) -> BandLayout:
        """Lay out the bands.

        Raises:
            InputError: If they do not fit the spectrum.
        """
        n_fft = self.stft.n_fft
        if isinstance(self.bands, FixedBands):
            widths = [width for count, width in self.bands.widths for _ in range(count)]
            return fixed_bands(widths, n_fft // 2 + 1)
        return mel_bands(self.bands.count, n_fft, self.bands.sample_rate or self.sample_rate)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield spectrum, bands, trunk, norm and masks in words."""
        from bsroformer.models.bs_roformer.facts import facts

        yield from facts(self)


def roformer_settings(tree: dict[str, Any], source: str = "model") -> RoformerSettings:
    """Validate a tree of settings of a Band-Split RoFormer.

    Raises:
        InputError: If it is of another architecture, or as in `settings_from_dict`.
    """
    settings = settings_from_dict(tree, source)
    if not isinstance(settings, RoformerSettings):
        raise InputError(f"{source} must have architecture={NAME}, got {settings.architecture}")
    return settings
