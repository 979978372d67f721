"""The ledger of a model: the data that it was trained on, with licences, and the weights that it started from.

It is plain data in the checkpoint, and it holds no path of the machine that trained the model::

    {version: 1,
     data: [{name: songs, songs: 90, hours: 5.8, licenses: {CC-BY-4.0: 80, unknown: 10}, sources: [...]}],
     bases: [{name: model.ckpt, digest: <of its weights>, ledger: {...}}]}
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bsroformer.data.song_terms import UNKNOWN, one_line

VERSION = 1
OTHERS = "others"
"""Entry of the licences beyond `MAX_LICENSES`."""
MAX_CHARACTERS = 200
MAX_LICENSES = 40
"""Different licences of a data set that are listed."""
MAX_SOURCES = 20
"""Different sources of a data set that are listed."""
MAX_DATA_SETS = 50
MAX_BASES = 30
MAX_DEPTH = 6
"""Generations of base weights whose ledgers are kept."""
MAX_BYTES = 2**15
"""Length as JSON; a ledger of one data set has some 200 bytes."""
SEVERAL = "several data sets"
"""Name of data sets that a ledger has no space for."""
SEVERAL_MODELS = "several models"
RESTRICTIVE = (
    "noncommercial",
    "non-commercial",
    "non commercial",
    "no commercial",
    "academic",
    "educational",
    "research only",
    "all rights reserved",
)
"""Phrases, in lower case, of licences that restrict commercial use; so does ``NC`` as a part of a name."""


def _printable(text: str) -> str:
    """Refuse characters that move a terminal's cursor or reorder text."""
    if not text.isprintable():
        raise ValueError("must be printable text in one line")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_printable)]
Songs = Annotated[int, Field(ge=0, lt=2**40)]


class _Entry(BaseModel):
    """A part of a ledger; keys of later versions are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class DataSet(_Entry):
    """A data set, as far as a model was trained on it.

    Attributes:
        name: Its name.
        songs: Number of songs to train on; a clip counts as one.
        hours: Their length.
        licenses: Number of songs by licence.
        sources: Where the songs come from.
    """

    name: Text
    songs: Songs
    hours: Annotated[float, Field(ge=0, lt=1e9)]
    licenses: Annotated[dict[Text, Songs], Field(max_length=MAX_LICENSES + 1)]
    sources: Annotated[tuple[Text, ...], Field(max_length=MAX_SOURCES + 1)] = ()


class Base(_Entry):
    """Weights that a training started from.

    Attributes:
        name: Name of their file, or its address on the Hub.
        digest: See `weights_digest`; None if unknown.
        ledger: Their ledger; None if unknown.
    """

    name: Text
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    ledger: "Ledger | None" = None


class Ledger(_Entry):
    """The training data of a model.

    Attributes:
        version: Version of this form.
        data: The data sets.
        bases: The weights that the training started from; of an average, those that were averaged.
    """

    version: Annotated[int, Field(ge=1, lt=2**31)] = VERSION
    data: Annotated[tuple[DataSet, ...], Field(max_length=MAX_DATA_SETS)] = ()
    bases: Annotated[tuple[Base, ...], Field(max_length=MAX_BASES)] = ()

    def to_plain(self) -> dict[str, Any]:
        """Convert to plain data for a file."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_json(self) -> str:
        """Convert to JSON in ASCII."""
        return json.dumps(self.to_plain())

    def generations(self) -> Iterator["Ledger"]:
        """Yield this ledger and all those of base weights."""
        yield self
        for base in self.bases:
            if base.ledger is not None:
                yield from base.ledger.generations()

    @property
    def licenses(self) -> dict[str, int]:
        """Number of songs by licence, over all data sets and base weights."""
        total: Counter[str] = Counter()
        for ledger in self.generations():
            for data in ledger.data:
                total.update(data.licenses)
        return dict(total)

    @property
    def restrictive_licenses(self) -> list[str]:
        """Licences that restrict commercial use, as far as their names show."""
        return sorted(license for license in self.licenses if restricts(license))


def restricts(license: str) -> bool:
    """Check whether a licence's name shows that it restricts commercial use."""
    name = license.casefold()
    parts = name.replace("_", "-").replace(" ", "-").split("-")
    return "nc" in parts or any(phrase in name for phrase in RESTRICTIVE)


def shortened_text(text: str, otherwise: str = UNKNOWN) -> str:
    """Write text as a ledger holds it: in one printable line of limited length."""
    line = one_line(text)
    return otherwise if line is None else line[:MAX_CHARACTERS]


def data_set(name: str, songs: int, hours: float, licenses: Mapping[str, int], sources: Sequence[str]) -> DataSet:
    """Describe a data set within the limits of a ledger."""
    by_license: Counter[str] = Counter()
    for license, number in licenses.items():
        by_license[shortened_text(license)] += number
    listed_licenses = dict(by_license.most_common(MAX_LICENSES))
    others = sum(by_license.values()) - sum(listed_licenses.values())
    if others:
        listed_licenses[OTHERS] = others
    listed_sources = list(dict.fromkeys(map(shortened_text, sources)))
    if len(listed_sources) > MAX_SOURCES:
        listed_sources[MAX_SOURCES:] = [f"{len(listed_sources) - MAX_SOURCES} more"]
    return DataSet(
        name=shortened_text(name),
        songs=songs,
        hours=round(hours, 3),
        licenses=listed_licenses,
        sources=tuple(listed_sources),
    )


def base_of(name: str, digest: str | None = None, ledger: Ledger | None = None) -> Base:
    """Describe weights that a training starts from, or that are averaged."""
    return Base(name=shortened_text(name), digest=digest, ledger=ledger)


def make_ledger(data: Sequence[DataSet], bases: Sequence[Base] = ()) -> Ledger:
    """Make a ledger that can be read again.

    Of a long one, sources are dropped first, then the ledgers of the oldest bases, which are unknown then, and at last
    the names of data sets and bases.
    """
    if len(data) <= MAX_DATA_SETS and len(bases) <= MAX_BASES:
        ledger = Ledger(data=tuple(data), bases=tuple(bases))
        for depth in range(MAX_DEPTH, -1, -1):
            kept = _up_to(ledger, depth)
            for candidate in (kept, _without_sources(kept)):
                if len(candidate.to_json()) <= MAX_BYTES:
                    return candidate
    songs = sum(each.songs for each in data)
    hours = sum(each.hours for each in data)
    merged = [data_set(SEVERAL, songs, hours, {UNKNOWN: songs}, [])] if data else []
    unknown = [base_of(SEVERAL_MODELS)] if bases else []
    return Ledger(data=tuple(merged), bases=tuple(unknown))


def _up_to(ledger: Ledger, depth: int) -> Ledger:
    """Drop the ledgers of bases beyond so many generations."""
    bases = []
    for base in ledger.bases:
        inner = _up_to(base.ledger, depth - 1) if base.ledger is not None and depth > 0 else None
        bases.append(base.model_copy(update={"ledger": inner}))
    return ledger.model_copy(update={"bases": tuple(bases)})


def _without_sources(ledger: Ledger) -> Ledger:
    data = tuple(each.model_copy(update={"sources": ()}) for each in ledger.data)
    bases = []
    for base in ledger.bases:
        inner = None if base.ledger is None else _without_sources(base.ledger)
        bases.append(base.model_copy(update={"ledger": inner}))
    return ledger.model_copy(update={"data": data, "bases": tuple(bases)})


def resumed_ledger(former: Ledger | None, ledger: Ledger, checkpoint: str) -> Ledger:
    """Continue the ledger of the checkpoint that a training resumes from.

    A data set of the same name is taken for the same, in its larger form.

    Args:
        former: Ledger of the checkpoint; None if it has none.
        ledger: Data of the training now, without bases.
        checkpoint: Name of the checkpoint.
    """
    if former is None:
        return make_ledger(ledger.data, [base_of(checkpoint)])
    by_name = {data.name: data for data in former.data}
    for data in ledger.data:
        by_name[data.name] = _larger(by_name[data.name], data) if data.name in by_name else data
    return make_ledger(list(by_name.values()), former.bases)


def _larger(one: DataSet, other: DataSet) -> DataSet:
    names = [*one.licenses, *other.licenses]
    licenses = {name: max(one.licenses.get(name, 0), other.licenses.get(name, 0)) for name in names}
    songs = max(one.songs, other.songs)
    return data_set(one.name, songs, max(one.hours, other.hours), licenses, [*one.sources, *other.sources])


def joint_ledger(bases: Sequence[Base]) -> Ledger | None:
    """Make the ledger of an average or merge of several models.

    It is that of all of them if they have the same; None if none has one.
    """
    ledgers = [base.ledger for base in bases]
    if all(ledger == ledgers[0] for ledger in ledgers):
        return ledgers[0]
    return make_ledger((), bases)
