"""Settings of a model as plain values, as in `configs/model/` and checkpoints."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from bsroformer.audio.stft import INVERTIBLE, faintest_overlap
from bsroformer.file_names import is_legal

# Bounds far above all known models, so that a typo or a malformed file is an error.
Rate = Annotated[int, Field(gt=0, le=2**22)]
Channels = Annotated[int, Field(gt=0, le=64)]
Features = Annotated[int, Field(gt=0, le=2**16)]
HeadFeatures = Annotated[int, Field(gt=0, le=2**12, multiple_of=2)]
Layers = Annotated[int, Field(gt=0, le=256)]
Samples = Annotated[int, Field(gt=0, le=2**17)]
Bands = Annotated[int, Field(gt=0, le=2**12)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


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
            raise ValueError("win_length must be at most n_fft")
        if faintest_overlap(window, self.hop_length) <= INVERTIBLE:
            raise ValueError("hop_length is too long for the window; half of the window or less always works")
        return self

    def described(self) -> str:
        """Describe the spectrum for ``checkpoint inspect``."""
        parts = [f"n_fft {self.n_fft}", f"hop {self.hop_length}"]
        if self.win_length:
            parts.append(f"window {self.win_length}")
        if self.normalized:
            parts.append("normalized")
        return ", ".join(parts)


class ModelSettings(Settings):
    """Settings that rebuild a model; each architecture adds its sizes.

    A subclass gives `architecture` its name as type and default: ``architecture: Literal["name"] = "name"``.

    Attributes:
        architecture: Name in the registry of architectures.
        stems: Names of the outputs, in order.
        sample_rate: Hz.
        channels: Channels of the mixture and of each stem.
        chunk_seconds: Length of the training excerpts, and the default window of separation.
        TRAINING_ONLY: Dotted keys that affect training, and not the output of given weights.
    """

    TRAINING_ONLY: ClassVar[tuple[str, ...]] = ()

    architecture: str
    stems: Annotated[tuple[str, ...], Field(min_length=1)]
    sample_rate: Rate
    channels: Channels
    chunk_seconds: Seconds

    @field_validator("stems")
    @classmethod
    def _legal_names(cls, stems: tuple[str, ...]) -> tuple[str, ...]:
        unique = {stem.casefold() for stem in stems}
        if len(unique) < len(stems):
            raise ValueError("stems must have different names, regardless of case")
        wrong = [stem for stem in stems if not is_legal(stem)]
        if wrong:
            raise ValueError(f"{wrong[0]!r:.40} cannot name a file; rename the stem")
        return stems

    @staticmethod
    def from_dict(tree: dict[str, Any], source: str = "model") -> "ModelSettings":
        """Validate a plain tree of settings: see `registry.settings_from_dict`."""
        from bsroformer.models.registry import settings_from_dict

        return settings_from_dict(tree, source)

    def check(self) -> None:
        """Check that sizes fit together.

        Raises:
            InputError: If they do not.
        """

    def leaves(self) -> dict[str, Any]:
        """Plain values by dotted key, `architecture` first."""
        return {"architecture": self.architecture, **dict(leaves(self.model_dump(mode="json")))}

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield names (at most 9 characters) and values for ``checkpoint inspect``."""
        own = {key: value for key, value in self.leaves().items() if key not in ModelSettings.model_fields}
        listed = ", ".join(f"{key} {value}" for key, value in own.items())
        yield "settings", listed or "no further settings"


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested tree by their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
