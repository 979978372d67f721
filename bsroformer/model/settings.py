"""What a model is, as plain numbers: the same tree in `configs/model/`, in Python and in every checkpoint."""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator, model_validator
from typing_extensions import Self

from bsroformer.errors import InputError

Share = Annotated[float, Field(ge=0, lt=1)]
INVERTIBLE = 1e-11
"""What ``torch.istft`` demands of the overlapping windows' squares to divide by them."""
FILE_NAME = re.compile(r"[^\s./\\:*?\"<>|\x00-\x1f][^/\\:*?\"<>|\x00-\x1f]{0,99}")
"""Stems name files, and their names may come from anywhere: no folder, and nothing that Windows forbids."""


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
        window = self.win_length or self.n_fft
        if window > self.n_fft:
            raise ValueError("the window must be at most n_fft long")
        if faintest_overlap(window, self.hop_length) <= INVERTIBLE:
            raise ValueError("hop_length is too long for the window: half of it or less always works")
        return self


def faintest_overlap(window: int, hop_length: int) -> float:
    """The least sum, over all places, of the squares of the Hann windows that lie there."""
    if 2 * hop_length <= window:
        return 0.5  # two windows or more at each place: sin^4 + cos^4 at least
    squares = [math.sin(math.pi * place / window) ** 4 for place in range(window)]
    return min(sum(squares[place::hop_length]) for place in range(hop_length))


class FixedBands(Settings):
    """Bands side by side; `widths` lists ``[count, width in bins]`` from the lowest band up."""

    layout: Literal["fixed"] = "fixed"
    widths: tuple[tuple[PositiveInt, PositiveInt], ...]


class MelBands(Settings):
    """Overlapping bands on the mel scale."""

    layout: Literal["mel"] = "mel"
    count: PositiveInt
    sample_rate: PositiveInt | None = None
    """Hz, where the bands were laid out for another rate than the audio's."""


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
    linear_depth: Annotated[int, Field(ge=0)] = 0
    """Layers of a transformer with linear attention over all frames and bands, before the other two."""
    dropout: Share = 0.0
    attention_dropout: Share | None = None
    """Where attention has another one than the feed-forward network."""
    norm: Literal["final", "each_transformer"] = "final"
    """One norm after the last block (public BS checkpoints) or one after each transformer (public Mel ones)."""
    skip_connection: bool = False
    """Add the outputs of all earlier blocks to the input of each."""

    @property
    def dropout_of_attention(self) -> float:  # noqa: D102 (says its name)
        return self.dropout if self.attention_dropout is None else self.attention_dropout


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

    @field_validator("stems")
    @classmethod
    def _names_of_files(cls, stems: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(stems)) < len(stems):
            raise ValueError("each stem needs a name of its own")
        if wrong := [stem for stem in stems if not FILE_NAME.fullmatch(stem)]:
            raise ValueError(f"{wrong[0]!r:.40} cannot name a file")
        return stems

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
