"""Kinds of values of several commands; those of numbers are in `bsroformer.kinds`."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from bsroformer.cli.schemas.schema import allowed, decoded

T = TypeVar("T")


def as_list(value: Any) -> Any:
    """Put a single value into a list; null and mappings stay."""
    return value if value is None or isinstance(value, list | dict) else [value]


def nothing_if_empty(value: Any) -> Any:
    """Return null for an empty mapping, which a group's empty file gives."""
    return None if value == {} else value


def not_empty(value: Any) -> Any:
    """Refuse the empty string, which Python reads as the current folder."""
    if value == "":
        raise ValueError("empty")
    return value


def expanded(value: str) -> str:
    """Expand ``~`` in a path; the address of a file on a hub stays."""
    path = decoded(value)
    return path if "://" in path else str(Path(path).expanduser())


def expanded_path(value: Path) -> Path:
    """Expand ``~`` in a path."""
    return Path(decoded(str(value))).expanduser()


Word = Annotated[str, Field(min_length=1), AfterValidator(decoded), allowed("a word, in quotes if it is a number")]
Words = Annotated[
    list[Word], BeforeValidator(as_list), allowed("a word or a list of words, in quotes what is a number")
]
FilePath = Annotated[
    Path,
    Field(strict=False),
    BeforeValidator(not_empty),
    AfterValidator(expanded_path),
    allowed("a path, in quotes if its name is a number"),
]
Address = Annotated[
    str, Field(min_length=1), AfterValidator(expanded), allowed("a path, in quotes if its name is a number")
]
"""A path, or the address of a file on the Hugging Face Hub."""
Addresses = Annotated[
    list[Address],
    Field(min_length=1),
    BeforeValidator(as_list),
    allowed("a path or a list of paths, in quotes what is a number"),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), allowed("the 64 hexadecimal digits of a SHA-256")]
Configs = Annotated[list[Address | None], BeforeValidator(as_list), allowed("a path, or one for each checkpoint")]
"""YAMLs of checkpoints."""
Digests = Annotated[
    list[Digest | None],
    BeforeValidator(as_list),
    allowed("the 64 hexadecimal digits of a SHA-256, or those of each checkpoint"),
]
Device = Annotated[
    str,
    Field(pattern=r"^(auto|(cpu|mps|cuda|xpu)(:\d{1,3})?)$"),
    allowed("auto, cpu, mps, cuda, xpu, cuda:1 or the like"),
]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Engine = Literal["torch", "openvino", "auto"]
Workers = Annotated[int, Field(ge=1, le=1024)]
Gigabytes = Annotated[float, Field(gt=0, le=10**5)]
StemWeights = Annotated[
    list[Annotated[float, Field(ge=0, le=10**6)]] | dict[str, list[Annotated[float, Field(ge=0, le=10**6)]]],
    allowed("a list of numbers such as [0.7,0.3], or one for each stem"),
]
