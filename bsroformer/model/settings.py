"""What a model is, as plain numbers: the same tree in `configs/model/`, in Python and in every checkpoint."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import Self

from bsroformer.audio.stft import INVERTIBLE, faintest_overlap
from bsroformer.errors import InputError
from bsroformer.file_names import is_legal

# Bounds that all known models stay far below, so that a slip of a digit, or a stranger's file, is told, not built.
Features = Annotated[int, Field(gt=0, le=2**16)]
HeadFeatures = Annotated[int, Field(gt=0, le=2**12, multiple_of=2)]
Layers = Annotated[int, Field(gt=0, le=256)]
LayersOrNone = Annotated[int, Field(ge=0, le=256)]
Samples = Annotated[int, Field(gt=0, le=2**17)]
Bands = Annotated[int, Field(gt=0, le=2**12)]
Rate = Annotated[int, Field(gt=0, le=2**22)]
MOST_PROBLEMS, LONGEST_SHOWN = 5, 60
"""Wrong settings in one message, and characters of a value in it."""
MOST_LAYERS = 1024
"""Of all transformers of a model."""
MOST_MASK_LAYERS, WIDEST_MASK_LAYER = 2**16, 2**20
"""Linear layers of all its mask estimators, and features of a hidden one."""
Share = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StftSettings(Settings):
    """The spectrum: see `bsroformer.audio.stft.Stft`."""

    n_fft: Samples
    hop_length: Samples
    win_length: Samples | None = None
    normalized: bool = False

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        window = self.win_length or self.n_fft
        if window > self.n_fft:
            raise ValueError("the window must be at most n_fft long")
        if faintest_overlap(window, self.hop_length) <= INVERTIBLE:
            raise ValueError("hop_length is too long for the window: half of it or less always works")
        return self


class FixedBands(Settings):
    """Bands side by side; `widths` lists ``[count, width in bins]`` from the lowest band up."""

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
    """Hz, where the bands were laid out for another rate than the audio's."""


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
    """Where attention has another one than the feed-forward network."""
    norm: Literal["final", "each_transformer"] = "final"
    """One norm after the last block (public BS checkpoints) or one after each transformer (public Mel ones)."""
    skip_connection: bool = False
    """Add the outputs of all earlier blocks to the input of each."""

    @model_validator(mode="after")
    def _of_a_known_size(self) -> Self:
        if self.depth * (self.time_depth + self.band_depth + self.linear_depth) > MOST_LAYERS:
            raise ValueError(f"more than {MOST_LAYERS} layers in all")
        return self

    @property
    def dropout_of_attention(self) -> float:  # noqa: D102 (says its name)
        return self.dropout if self.attention_dropout is None else self.attention_dropout


class MaskSettings(Settings):
    """The mask estimators."""

    expansion: Features
    """Width of their hidden layers over the trunk's `dim`."""
    hidden_layers: LayersOrNone = 1
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
    sample_rate: Rate
    channels: Annotated[int, Field(gt=0, le=64)]
    chunk_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
    stft: StftSettings
    bands: Annotated[FixedBands | MelBands, Field(discriminator="layout")]
    trunk: TrunkSettings
    masks: MaskSettings

    @field_validator("stems")
    @classmethod
    def _names_of_files(cls, stems: tuple[str, ...]) -> tuple[str, ...]:
        if len({stem.casefold() for stem in stems}) < len(stems):
            raise ValueError("each stem needs a name of its own, capitals aside")
        if wrong := [stem for stem in stems if not is_legal(stem)]:
            raise ValueError(f"{wrong[0]!r:.40} cannot name a file")
        return stems

    @model_validator(mode="after")
    def _of_a_known_size(self) -> Self:
        if self.bands.count * len(self.stems) * (self.masks.hidden_layers + 1) > MOST_MASK_LAYERS:
            raise ValueError(f"more than {MOST_MASK_LAYERS} layers in all mask estimators")
        if self.masks.expansion * self.trunk.dim > WIDEST_MASK_LAYER:
            raise ValueError(f"more than {WIDEST_MASK_LAYER} features in a mask estimator's hidden layer")
        if self.chunk_seconds * self.sample_rate < self.stft.hop_length:
            raise ValueError("chunk_seconds is shorter than a hop of the spectrum")
        return self

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
            raise InputError(f"{source} does not describe a model: {problems_of(error)}") from error


def problems_of(error: ValidationError) -> str:
    """List what pydantic found wrong, the first `MOST_PROBLEMS` of it: keys and values may be of any length."""
    problems = error.errors(include_url=False, include_context=False)
    first = "; ".join(f"{_key_of(problem)}: {told(problem)}" for problem in problems[:MOST_PROBLEMS])
    more = len(problems) - MOST_PROBLEMS
    return first + (f"; and {more} more" if more > 0 else "")


def _key_of(problem: Mapping[str, Any]) -> str:
    return shortened(".".join(shortened(str(part)) for part in problem["loc"])) or "as a whole"


def told(problem: Mapping[str, Any]) -> str:
    """What pydantic found wrong with a value, in the middle of a sentence, with the value if it is a short one."""
    message = shortened(problem["msg"].removeprefix("Value error, "), 200)
    given = problem["input"]
    plain = isinstance(given, str | bool | int | float | None)
    shown = f" (got {shortened(_literal(given))})" if plain and problem["type"] != "missing" else ""
    return message[:1].lower() + message[1:] + shown


def _literal(value: str | bool | float | None) -> str:
    """A value as Python writes it; of a number with thousands of digits, what it is."""
    if isinstance(value, str):
        return repr(value[:LONGEST_SHOWN])
    try:
        return repr(value)
    except ValueError:  # Python refuses to write it
        return "a number with too many digits"


def shortened(text: str, longest: int = 60) -> str:
    """Beginning and end of a text that may be of any length."""
    return text if len(text) <= longest else f"{text[: longest - 20]}...{text[-20:]}"
