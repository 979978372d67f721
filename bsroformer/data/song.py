"""One song on disk: check that its files fit together, and read its stems.

A song is a file or a folder::

    <song>.stem.mp4         audio streams: 0 mixture, 1 drums, 2 bass, 3 other, 4 vocals (MUSDB18)
    <song>/vocals.wav ...   a file for each stem, and mixture.wav if there is one (MUSDB18-HQ)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.audio.files import AUDIO_SUFFIXES, AudioInfo, probe, probe_streams, read
from bsroformer.errors import InputError

MIXTURE = "mixture"
STEM_MP4 = ".stem.mp4"
# The order of the streams in a file of MUSDB18: https://sigsep.github.io/datasets/musdb.html
MUSDB_STREAMS = (MIXTURE, "drums", "bass", "other", "vocals")


@dataclass(frozen=True)
class Track:
    """A song whose stems all have the same length, sample rate and channels.

    Attributes:
        name: The song's name: that of its file or folder.
        split: ``train``, ``valid`` or ``test``.
        path: Its file or folder.
        stems: Names of the stems, in the order of ``all_stems``.
        sample_rate: In Hz.
        channels: Of each stem.
        frames: Samples per channel of the shortest stem; reading stops there.
        sources: The audio stream of each stem, and of ``mixture`` if there is one.
    """

    name: str
    split: str
    path: Path
    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    frames: int
    sources: Mapping[str, AudioInfo]

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
        source = self.sources[stem]
        frames = self.frames - start if frames is None else min(frames, self.frames - start)
        audio, _ = read(source.path, start, frames, source.stream)
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


def song_name(path: Path) -> str:
    """The name of the song that a file or folder holds."""
    return path.name.removesuffix(STEM_MP4)


def open_track(path: Path, split: str, stems: Sequence[str], sample_rate: int, channels: int) -> Track:
    """Check one song by the headers of its files, without decoding them.

    Args:
        path: Its ``.stem.mp4`` file, or its folder.
        split: The split to note in the track.
        stems: Names of the stems that it must have.
        sample_rate: The rate in Hz that each file must have.
        channels: The number of channels that each file must have.

    Raises:
        InputError: A stem is missing or unreadable, has another rate or number of channels, or another length
            than the rest. The streams of a ``.stem.mp4`` may differ in length: the shortest counts.
    """
    found = _streams_in_folder(path, (MIXTURE, *stems)) if path.is_dir() else _streams_in_stem_mp4(path)
    missing = [stem for stem in stems if stem not in found]
    if missing:
        raise InputError(
            f"{path} has {', '.join(found) or 'none of the stems'} but lacks {', '.join(missing)}: add the "
            "missing stems, remove the song, or change the stems asked for."
        )
    sources = {name: found[name] for name in (MIXTURE, *stems) if name in found}
    faults = _faults(sources, sample_rate, channels, same_length=path.is_dir())
    if faults:
        raise InputError(
            f"{path} should have {sample_rate} Hz, {channels} channel(s) and one length in every stem, but "
            f"has {', '.join(faults)}: convert or export these again."
        )
    frames = min(info.frames for info in sources.values() if info.frames is not None)
    return Track(song_name(path), split, path, tuple(stems), sample_rate, channels, frames, sources)


def _streams_in_stem_mp4(path: Path) -> dict[str, AudioInfo]:
    infos = probe_streams(path)
    if len(infos) < len(MUSDB_STREAMS):
        raise InputError(
            f"{path} has {len(infos)} audio stream(s) where MUSDB18 has {len(MUSDB_STREAMS)} "
            f"({', '.join(MUSDB_STREAMS)}): replace or remove it."
        )
    return dict(zip(MUSDB_STREAMS, infos, strict=False))


def _streams_in_folder(folder: Path, names: Sequence[str]) -> dict[str, AudioInfo]:
    found: dict[str, AudioInfo] = {}
    for path in sorted(folder.iterdir()):
        if path.stem not in names or path.suffix.lower() not in AUDIO_SUFFIXES:
            continue
        if path.stem in found:
            raise InputError(f"{folder} has both {found[path.stem].path.name} and {path.name}: remove one of them.")
        found[path.stem] = probe(path)
    return found


def _faults(sources: Mapping[str, AudioInfo], sample_rate: int, channels: int, same_length: bool) -> list[str]:
    """What keeps the streams of a song from being used together, a phrase each."""
    faults = []
    for name, info in sources.items():
        if info.sample_rate != sample_rate:
            faults.append(f"{info.sample_rate} Hz in {name}")
        if info.channels != channels:
            faults.append(f"{info.channels} channel(s) in {name}")
        if info.frames is None:
            faults.append(f"no stated length in {name}")
        if info.frames == 0:
            faults.append(f"no samples in {name}")
    lengths = {name: info.frames for name, info in sources.items()}
    if same_length and len(set(lengths.values())) > 1:
        faults += [f"{frames} samples in {name}" for name, frames in lengths.items() if frames is not None]
    return faults
