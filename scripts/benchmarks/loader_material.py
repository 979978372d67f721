"""Songs as wav files, packs and MUSDB18's ``.stem.mp4``, cached between runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from bsroformer.atomic import replacing
from bsroformer.data.layouts import MIXTURE
from bsroformer.data.layouts.musdb18 import MUSDB_STREAMS, STEM_MP4
from bsroformer.data.packs import TrainingTracks, pack_tracks, plan_packs, refuse_full_disk, training_tracks
from bsroformer.data.sources import Source
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import AnyTrack, Track
from bsroformer.errors import InputError
from bsroformer.parallel import mapping, processors

KBITS = 256  # of each stream in MUSDB18: https://sigsep.github.io/datasets/musdb.html
# Encodes in a third of the time that FFmpeg's usual search takes; a decoder has rather less to do.
QUICK = {"aac_coder": "fast", "aac_tns": "0", "aac_pns": "0", "aac_is": "0", "aac_ms": "0"}
BLOCK = 2**18  # samples per channel that are encoded at a time
WAV, LAYOUT = ".wav", "stereo"


@dataclass(frozen=True)
class Material:
    """Songs in three forms, in the same order.

    Attributes:
        tracks: Tracks with a file for each stem.
        packed: The same as packs.
        pack: The folder of the packs.
        stem_mp4: The folder that holds ``train/<song>.stem.mp4``.
    """

    tracks: Sequence[Track]
    packed: Sequence[AnyTrack]
    pack: Path
    stem_mp4: Path


def make_material(source: Source, cache: Path, with_stem_mp4: bool) -> Material:
    """Render, pack and encode the songs, unless they are cached.

    Args:
        source: Songs with a wav file for each of MUSDB18's stems.
        cache: Folder for the packs and encoded songs of each data set.
        with_stem_mp4: Whether to encode them, which takes some minutes.

    Raises:
        InputError: If the songs are of another kind, or cannot be packed or encoded.
    """
    place = source.location
    if place is None or set(source.form.stems) != set(MUSDB_STREAMS) - {MIXTURE}:
        raise InputError("what=loader needs songs with the four stems of MUSDB18; choose data=demo")
    source.make()
    tracks = wav_tracks(source)
    folder = folder_in(cache, place)
    pack = folder / "pack"
    songs = pack_all(source, pack)
    packed = {song.name: song for song in (*songs.train, *songs.valid)}
    stem_mp4 = folder / "stem_mp4"
    if with_stem_mp4:
        encode_all(tracks, stem_mp4)
    return Material(tracks, [packed[track.name] for track in tracks], pack, stem_mp4)


def folder_in(cache: Path, place: Path) -> Path:
    """Return the folder for a data set: its own name, with a digest of its path."""
    place = place.expanduser().resolve()
    return cache / f"{place.name}-{blake2b(bytes(place), digest_size=4).hexdigest()}"


def into_page_cache(material: Material) -> None:
    """Read all files once, so that no way waits for the disk."""
    stems = {info.path for track in material.tracks for name, info in track.sources.items() if name != MIXTURE}
    buffer = bytearray(2**24)
    for path in (*sorted(stems), *material.pack.rglob("*.npy"), *material.stem_mp4.rglob(f"*{STEM_MP4}")):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def wav_tracks(source: Source) -> list[Track]:
    """Open the songs to train and validate on from their files.

    Raises:
        InputError: If there are none, or they are not wav files.
    """
    songs = open_tracks(source.files(), source.form)
    tracks = sorted([*songs.train, *songs.valid], key=lambda track: track.name)
    others = [info.path for track in tracks for info in track.sources.values() if info.path.suffix != WAV]
    if not tracks or others:
        raise InputError(f"what=loader compares with wav files, unlike {others[0] if others else source.location}")
    return tracks


def pack_all(source: Source, pack: Path) -> TrainingTracks:
    """Pack the songs that are not packed yet.

    Raises:
        InputError: If one cannot be packed.
    """
    songs = [song for song in source.files() if song.split != "test"]
    plan = plan_packs(songs, source.form, pack)
    refuse_full_disk(plan)
    errors = [outcome.error for outcome in pack_tracks(plan, processors()) if outcome.error]
    if faults := [*plan.faults, *errors]:
        raise InputError(faults[0])
    return training_tracks(songs, source.form, pack)


def encode_all(tracks: Sequence[Track], folder: Path) -> None:
    """Write ``<folder>/train/<song>.stem.mp4`` for each song that has none.

    Raises:
        InputError: If one cannot be written.
    """
    from rich.progress import track as progress

    jobs = [(track, folder / "train" / f"{track.name}{STEM_MP4}") for track in tracks]
    jobs = [(track, path) for track, path in jobs if not path.exists()]
    if jobs:
        with mapping(min(processors(), len(jobs))) as run:
            for _ in progress(run(encode, *zip(*jobs, strict=True)), "Encoding .stem.mp4", total=len(jobs)):
                pass


def encode(track: Track, path: Path) -> None:
    """Write a song as MUSDB18 does: a stream of AAC for the mixture and for each stem.

    Raises:
        InputError: If it cannot be written.
    """
    # Without a clock that counts samples, an mp4 states in milliseconds how many of its first samples to skip.
    options = {"movie_timescale": str(track.sample_rate)}
    with replacing(path) as partial, av.open(str(partial), "w", format="mp4", options=options) as container:
        streams = [add_stream(container, track.sample_rate) for _ in MUSDB_STREAMS]
        for start, audio in _blocks(track):
            for stream, block in zip(streams, audio, strict=True):
                frame = av.AudioFrame.from_ndarray(block, "fltp", LAYOUT)
                frame.sample_rate, frame.pts = track.sample_rate, start
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))


def add_stream(container: OutputContainer, sample_rate: int) -> AudioStream:
    """Add a stereo stream of AAC."""
    stream = container.add_stream("aac", rate=sample_rate, layout=LAYOUT, options=QUICK)
    assert isinstance(stream, AudioStream)
    stream.bit_rate = 1000 * KBITS
    return stream


def _blocks(track: Track) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yield each block's start and its audio (c t), ordered as MUSDB18's streams."""
    for start in range(0, track.frames, BLOCK):
        audio = [
            track.mixture(start, BLOCK) if name == MIXTURE else track.stem(name, start, BLOCK) for name in MUSDB_STREAMS
        ]
        yield start, [np.ascontiguousarray(each.numpy()) for each in audio]
