"""What a model is, as plain numbers: the same tree in `configs/model/`, in Python and in every checkpoint."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from typing_extensions import Self

from bsroformer.errors import InputError

Share = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StftSettings(Settings):
    """The spectrum: see `bsroformer.audio.stft.Stft`."""

    n_fft: PositiveInt
    hop_length: PositiveInt
    win_length: PositiveInt | None = None
    normalized: bool = False

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        if not 2 * self.hop_length <= (self.win_length or self.n_fft) <= self.n_fft:
            raise ValueError("hop_length must be at most half of the window, and the window at most n_fft")
        return self


class FixedBands(Settings):
    """Bands side by side; `widths` lists ``[count, width in bins]`` from the lowest band up."""

    layout: Literal["fixed"] = "fixed"
    widths: tuple[tuple[PositiveInt, PositiveInt], ...]


class MelBands(Settings):
    """Overlapping bands on the mel scale."""

    layout: Literal["mel"] = "mel"
    count: PositiveInt


class TrunkSettings(Settings):
    """The transformers between band split and masks."""

    dim: PositiveInt
    """Features of a band in a frame."""
    depth: PositiveInt
    """Number of blocks; each holds a transformer along time and one along bands."""
    heads: PositiveInt
    dim_head: Annotated[int, Field(gt=0, multiple_of=2)]
    """Features of a head; even, since rotary positions turn pairs."""
    time_depth: PositiveInt = 1
    """Layers of a block's transformer along time."""
    band_depth: PositiveInt = 1
    """Layers of a block's transformer along bands."""
    dropout: Share = 0.0
    norm: Literal["final", "each_transformer"] = "final"
    """One norm after the last block (public BS checkpoints) or one after each transformer (public Mel ones)."""
    skip_connection: bool = False
    """Add the outputs of all earlier blocks to the input of each."""


class MaskSettings(Settings):
    """The mask estimators."""

    expansion: PositiveInt
    """Width of their hidden layers over the trunk's `dim`."""
    hidden_layers: Annotated[int, Field(ge=0)] = 1
    """Hidden layers; the paper has 1 (a public YAML says `mask_estimator_depth: 2` for it)."""
    zero_dc: bool = False
    """Leave bin 0 out of every stem."""


class ModelSettings(Settings):
    """Everything that rebuilds a `BandSplitRoformer`, weights aside.

    Attributes:
        stems: Names of the outputs, in their order.
        sample_rate: Hz.
        channels: Of the mixture and of each stem.
        chunk_seconds: Length of the excerpts that it was trained on; the window that separation uses by default.
    """

    stems: Annotated[tuple[str, ...], Field(min_length=1)]
    sample_rate: PositiveInt
    channels: PositiveInt
    chunk_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    stft: StftSettings
    bands: Annotated[FixedBands | MelBands, Field(discriminator="layout")]
    trunk: TrunkSettings
    masks: MaskSettings

    @classmethod
    def from_dict(cls, tree: dict[str, Any], source: str = "model") -> "ModelSettings":
        """Check a plain tree of settings.

        Args:
            tree: As in ``configs/model/*.yaml`` or under ``model`` in a checkpoint.
            source: Where it comes from, for the message.

        Raises:
            InputError: Naming each key that is missing, unknown or out of range.
        """
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].lower()} (got {problem['input']!r:.60})"
                for problem in error.errors()
            )
            raise InputError(f"{source} does not describe a model: {problems}") from error
