"""One song on disk: check that its files fit together, and read its stems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from bsroformer.audio.files import HEADER_SLACK, AudioInfo, EndsBeforeError, measured, probe_streams, read
from bsroformer.data.layouts import MIXTURE, REST, TrackFiles, TrackFormat
from bsroformer.data.levels import Levels
from bsroformer.errors import InputError

PADDED_CODECS = frozenset({"aac", "alac"})
"""Of which an mp4's header may promise a few samples too many: the encoder's padding."""


class AnyTrack(Protocol):
    """What training reads excerpts of: a `Track`, or its pack (`bsroformer.data.packs`)."""

    @property
    def name(self) -> str:
        """The song's name."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems it has, in the order of ``all_stems``."""

    @property
    def frames(self) -> int:
        """Samples per channel."""

    @property
    def levels(self) -> Levels | None:
        """How loud each stem is where, if that is known."""

    def stem(self, stem: str, start: int = 0, frames: int | None = None) -> Tensor:
        """Read one stem (c t)."""

    def all_stems(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read every stem (n c t)."""


@dataclass(frozen=True)
class Track:
    """A song whose stems all have the same length, sample rate and channels.

    Attributes:
        name: The song's name.
        split: ``train``, ``valid`` or ``test``.
        path: Its file or folder.
        stems: Names of the stems, in the order of ``all_stems``.
        sample_rate: In Hz.
        channels: Of each stem.
        frames: Samples per channel of the shortest stem; reading stops there.
        sources: The audio stream of each stem, and of ``mixture`` if there is one; of a ``rest`` that of the mixture.
        minus: Stems that are subtracted from the mixture to make ``rest``; empty if it is a file, or not wanted.
    """

    name: str
    split: str
    path: Path
    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    frames: int
    sources: Mapping[str, AudioInfo]
    minus: tuple[str, ...] = ()

    @property
    def levels(self) -> None:
        """Not known without decoding all of it: `bsroformer.data.packs` does."""

    def stem(self, stem: str, start: int = 0, frames: int | None = None) -> Tensor:
        """Read one stem.

        Args:
            stem: One of ``stems``.
            start: First sample.
            frames: Samples per channel, or None for all; the song's end shortens an excerpt past it.

        Returns:
            Audio (c t) in float32.

        Raises:
            InputError: The song has no such stem or no sample at ``start``, or its file cannot be read.
        """
        if stem not in self.sources:
            raise InputError(f"{self.path} was opened with {', '.join(self.sources)}, not {stem}: ask for one of them.")
        if start >= self.frames:
            raise InputError(f"{self.path} has {self.frames} samples, so none at {start}: start earlier.")
        frames = self.frames - start if frames is None else min(frames, self.frames - start)
        audio = self._read(self.sources[stem], start, frames)
        if stem == REST and self.minus:
            others = [self.stem(other, start, frames) for other in self.minus]
            length = min(each.shape[-1] for each in (audio, *others))
            audio = torch.stack([audio[:, :length], *(-other[:, :length] for other in others)]).sum(dim=0)
        return audio

    def _read(self, source: AudioInfo, start: int, frames: int) -> Tensor:
        """Read an excerpt (c t) of one stream, which must be what it was when the song was opened."""
        try:
            audio, rate = read(source.path, start, frames, source.stream)
        except EndsBeforeError:
            if source.codec not in PADDED_CODECS or self.frames - start > HEADER_SLACK:
                raise
            return torch.zeros(self.channels, 0)
        if (len(audio), rate) != (self.channels, self.sample_rate):
            raise InputError(
                f"{source.path} has {len(audio)} channel(s) and {rate} Hz, and had {self.channels} and "
                f"{self.sample_rate} Hz when it was opened: restore it."
            )
        return audio

    def all_stems(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read every stem, as `stem` does, into one tensor (n c t) in the order of ``stems``."""
        audio = [self.stem(stem, start, frames) for stem in self.stems]
        # The header of an mp4 may promise a few samples too many.
        shortest = min(stem.shape[-1] for stem in audio)
        return torch.stack([stem[:, :shortest] for stem in audio])

    def mixture(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read the mixture (c t) as given; where none is, the sum of the stems."""
        if MIXTURE in self.sources:
            return self.stem(MIXTURE, start, frames)
        return self.all_stems(start, frames).sum(dim=0)


class Misfit(NamedTuple):
    """What keeps a stem from being used as it is."""

    kind: str
    """``rate``, ``channels``, ``length`` (unlike the other stems') or ``empty``."""
    stem: str
    told: str
    """As a phrase."""


def open_track(song: TrackFiles, form: TrackFormat) -> Track:
    """Check one song by the headers of its files, without decoding them.

    Raises:
        InputError: A stem is missing or unreadable, has another rate or number of channels, or another length
            than the rest. The streams of a ``.stem.mp4`` may differ in length: the shortest counts.
    """
    sources = open_sources(song, form)
    if found := misfits(sources, form):
        raise InputError(told_misfits(song, form, found))
    stems = tuple(stem for stem in form.stems if stem in sources)
    frames = min(sources[stem].frames or 0 for stem in stems)
    minus = song.stems[REST].minus if REST in stems else ()
    return Track(song.name, song.split, song.path, stems, form.sample_rate, form.channels, frames, sources, minus)


def open_sources(song: TrackFiles, form: TrackFormat, silence: bool = False) -> dict[str, AudioInfo]:
    """Look into the files of the stems wanted, and of the mixture.

    Args:
        song: The song.
        form: Names the stems.
        silence: Accept that some are missing, since they are silent.

    Raises:
        InputError: A stem is missing, there twice, or unreadable.
    """
    if song.faults:
        raise InputError(song.faults[0])
    missing = [stem for stem in form.stems if stem not in song.stems]
    if otherwise := written_otherwise(song, form):
        told = ", ".join(f"{found} where {stem} is asked for" for stem, found in otherwise.items())
        raise InputError(f"{song.path} has {told}: rename it, or change data.stems.")
    if len(missing) == len(form.stems) or (missing and song.whole and not silence):
        raise InputError(
            f"{song.path} has {', '.join(song.stems) or 'none of the stems'} but lacks {', '.join(missing)}: add the "
            f"missing stems, remove the song, {_remedy_for_missing(song, form)}."
        )
    wanted = {name: song.stems[name] for name in (MIXTURE, *form.stems) if name in song.stems}
    files = {file.path: probe_streams(file.path) for file in wanted.values()}
    for path, streams in files.items():
        if len(streams) <= max(file.stream for file in song.stems.values() if file.path == path):
            raise InputError(
                f"{path} has {len(streams)} audio stream(s) where MUSDB18 has {len(song.stems)} "
                f"({', '.join(song.stems)}): replace or remove it."
            )
    return {name: measured(files[file.path][file.stream]) for name, file in wanted.items()}


def _remedy_for_missing(song: TrackFiles, form: TrackFormat) -> str:
    """What to do about missing stems: a mixture holds them, and without one they may be silent."""
    present = [stem for stem in form.stems if stem in song.stems]
    if not present:
        return "or change data.stems"
    if MIXTURE in song.stems:
        return f"or train on what else its mixture holds as one stem, data.stems=[{','.join(present)},{REST}]"
    silent = ", or if they are silent, pack it with scripts/prepare.py mend=[missing]" if song.split != "test" else ""
    return f"change data.stems{silent}"


def written_otherwise(song: TrackFiles, form: TrackFormat) -> dict[str, str]:
    """Stems that are missing, to what is there with other capitals."""
    written = {stem.casefold(): stem for stem in song.stems}
    missing = [stem for stem in form.stems if stem not in song.stems]
    return {stem: written[stem.casefold()] for stem in missing if stem.casefold() in written}


def misfits(sources: Mapping[str, AudioInfo], form: TrackFormat) -> list[Misfit]:
    """What keeps the streams of a song from being used together as they are."""
    found = []
    for name, info in sources.items():
        if info.sample_rate != form.sample_rate:
            found.append(Misfit("rate", name, f"{info.sample_rate} Hz in {name}"))
        if info.channels != form.channels:
            found.append(Misfit("channels", name, f"{info.channels} channel(s) in {name}"))
        if info.frames is None:
            found.append(Misfit("empty", name, f"no stated length in {name}"))
        if info.frames == 0:
            found.append(Misfit("empty", name, f"no samples in {name}"))
    if _lengths_differ(sources):
        found += [
            Misfit("length", name, f"{info.frames} samples in {name}") for name, info in sources.items() if info.frames
        ]
    return found


def _lengths_differ(sources: Mapping[str, AudioInfo]) -> bool:
    """Whether files end at other times; the streams of one file may, and a change of rate rounds up or down."""
    if len({info.path for info in sources.values()}) <= 1:
        return False
    ends = [(info.frames or 0) / info.sample_rate for info in sources.values()]
    rates = {info.sample_rate for info in sources.values()}
    return max(ends) - min(ends) > (0 if len(rates) == 1 else 1.5 / min(rates))


def told_misfits(song: TrackFiles, form: TrackFormat, found: Sequence[Misfit]) -> str:
    """The sentence for a song that does not fit."""
    kinds = sorted({misfit.kind for misfit in found})
    mending = (
        ""
        if "empty" in kinds or song.split == "test"
        else f", or pack them with scripts/prepare.py mend=[{','.join(kinds)}]"
    )
    return (
        f"{song.path} should have {form.sample_rate} Hz, {form.channels} channel(s) and one length in every stem, but "
        f"has {', '.join(misfit.told for misfit in found)}: convert or export these again{mending}."
    )
