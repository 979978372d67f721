"""Settings of a model as plain values: the same tree in `configs/model/`, in Python and in every checkpoint."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bsroformer.file_names import is_legal

# Bounds that all known models stay far below, so that a slip of a digit, or a file from elsewhere, is an error.
Rate = Annotated[int, Field(gt=0, le=2**22)]
Channels = Annotated[int, Field(gt=0, le=64)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(Settings):
    """Everything that rebuilds a model, weights aside; each architecture adds its own sizes.

    A subclass gives `architecture` its name as type and default: ``architecture: Literal["name"] = "name"``.

    Attributes:
        architecture: Name in the registry of architectures.
        stems: Names of the outputs, in their order.
        sample_rate: Hz.
        channels: Of the mixture and of each stem.
        chunk_seconds: Length of the excerpts that it was trained on; the window that separation uses by default.
        TRAINING_ONLY: Dotted keys that change what a model learns and not what its weights compute.
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
        if len({stem.casefold() for stem in stems}) < len(stems):
            raise ValueError("each stem needs a name of its own, capitals aside")
        wrong = [stem for stem in stems if not is_legal(stem)]
        if wrong:
            raise ValueError(f"{wrong[0]!r:.40} cannot name a file")
        return stems

    @staticmethod
    def from_dict(tree: dict[str, Any], source: str = "model") -> "ModelSettings":
        """Validate a plain tree of settings: see `bsroformer.models.registry.settings_from_dict`."""
        from bsroformer.models.registry import settings_from_dict

        return settings_from_dict(tree, source)

    def check(self) -> None:
        """Check that sizes fit together where that takes more than their values.

        Raises:
            InputError: If they do not.
        """

    def leaves(self) -> dict[str, Any]:
        """Plain values by dotted key, `architecture` first."""
        return {"architecture": self.architecture, **dict(leaves(self.model_dump(mode="json")))}

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what ``checkpoint inspect`` prints of the architecture: names of at most 9 characters, and values."""
        own = {key: value for key, value in self.leaves().items() if key not in ModelSettings.model_fields}
        yield "settings", ", ".join(f"{key} {value}" for key, value in own.items()) or "none of its own"


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested tree by their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
