"""Decide which library reads a file, by what its first bytes are and by whether its header can be believed.

libsndfile never reads past the length that a header states, so a file is left to it only where that length is the
file's own. FFmpeg decodes whatever follows.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bsroformer.audio.file_tags import ID3_HEADER_BYTES, TAG_MAGICS, id3_bytes
from bsroformer.audio.flac_frames import flac_says_too_little

WAV_EXTENSIBLE = 0xFFFE
RAW_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
}
"""By the format's tag and the bits of a sample."""
MOST_CHUNKS, MOST_PAGES = 10_000, 1_000_000
"""Chunks of a wav and pages of an Ogg that are looked at: a file of empty ones would take minutes."""
UNKNOWN_SIZES = (0, 2**32 - 1, 2**31 - 1)
"""Sizes of the data chunk that writers leave which could not, or did not, come back to it."""
OGG_FIRST = 2
"""Flag of the first page of a logical stream of Ogg (RFC 3533, section 6)."""
OGG_FORMAT_BYTES = 16
"""Of a Vorbis or FLAC header: name and version, and for Vorbis channels and rate."""
OPUS_FORMAT_BYTES = 10
"""Of an Opus header: name, version and channels. It is decoded at 48 kHz, whatever rate it was made from."""
ZEROS_BLOCK = 2**20
"""Bytes looked through at a time."""
MOST_JUNK = 4096
"""Bytes after the samples of a wav that may be anything but samples."""


@dataclass(frozen=True)
class RawSamples:
    """Samples in a file, from a byte on to its end.

    Attributes:
        offset: The first byte.
        subtype: libsndfile's name of how a sample is stored, in the order of Intel's processors.
        channels: How many.
        sample_rate: In Hz.
    """

    offset: int
    subtype: str
    channels: int
    sample_rate: int


@dataclass(frozen=True)
class Reader:
    """How a file is read.

    Attributes:
        by_ffmpeg: Whether FFmpeg reads it, not libsndfile.
        sequential: Whether time stamps and the stated length are wrong, so that samples have to be counted.
        samples: Where they are to the end of the file, where the header of a wav states too few.
        changes: Whether the file is a chain of recordings of different formats.
    """

    by_ffmpeg: bool = False
    sequential: bool = False
    samples: RawSamples | None = None
    changes: bool = False


LIBSNDFILE, FFMPEG, COUNTING = Reader(), Reader(by_ffmpeg=True), Reader(by_ffmpeg=True, sequential=True)


def reader_of(path: Path) -> Reader:
    """Choose how to read a file; looked up once for each state of a file, since it may be opened often.

    Raises:
        OSError: If it cannot be read.
    """
    status = path.stat()
    return _reader_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _reader_of(path: Path, size: int, modified: int) -> Reader:
    with path.open("rb") as file:
        start = file.read(12)
        if _is_mpeg(start):
            return FFMPEG
        if size < 64:
            return LIBSNDFILE
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if tag := id3_bytes(start):
                return COUNTING if flac_says_too_little(content, tag) else FFMPEG
            if start.startswith(b"fLaC"):
                return COUNTING if flac_says_too_little(content) else LIBSNDFILE
            if start.startswith(b"OggS"):
                return _reader_of_chain(ogg_links(content))
            if start.startswith(b"RIFF") and start.endswith(b"WAVE"):
                return Reader(samples=samples_beyond_header(content))
    return LIBSNDFILE


def _reader_of_chain(links: list[bytes]) -> Reader:
    if len(links) < 2:
        return LIBSNDFILE
    return COUNTING if len(set(links)) == 1 else replace(COUNTING, changes=True)


def _is_mpeg(start: bytes) -> bool:
    """Check for the sync word of MPEG audio, of which AAC in ADTS is one."""
    return len(start) > 2 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0 and start[2] not in (0xFF, 0x00)


def samples_beyond_header(content: "mmap.mmap") -> RawSamples | None:
    """Find the samples of a wav whose header states fewer than the file holds.

    Returns:
        None if the header is right, or states more than there is, or the samples are encoded: libsndfile reads what
        there is then.
    """
    samples: RawSamples | None = None
    for name, start, size in _riff_chunks(content):
        if name == b"fmt ":
            samples = _samples_of(content[start : start + 40])
        if name != b"data":
            continue
        there = len(content) - start
        unknown = size in UNKNOWN_SIZES
        believed = not unknown and (size >= there or _ends_in_chunks(content, start + size + size % 2))
        return None if believed or samples is None or there == 0 else replace(samples, offset=start)
    return None


def _samples_of(form: bytes) -> RawSamples | None:
    """What the ``fmt`` chunk of a wav says of its samples; None if they are encoded, or it is damaged."""
    if len(form) < 16:
        return None
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if tag == WAV_EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from("<H", form, 24)[0]
    subtype = RAW_SUBTYPES.get((tag, bits))
    return RawSamples(0, subtype, channels, rate) if subtype and channels and rate else None


def _riff_chunks(content: "mmap.mmap", start: int = 12) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and stated size of each chunk, of so many as a file may need."""
    for _ in range(MOST_CHUNKS):
        if start + 8 > len(content):
            return
        name, size = struct.unpack_from("<4sI", content, start)
        yield name, start + 8, size
        start += 8 + size + size % 2


def _ends_in_chunks(content: "mmap.mmap", start: int) -> bool:
    """Check that nothing but whole chunks, a tag, zeros, or a little of anything is left from a byte on."""
    for name, first, size in _riff_chunks(content, start):
        if not re.fullmatch(rb"[ -~]{4}", name) or first + size > len(content) + 1:
            chunk = first - 8
            tagged = content[chunk : chunk + 16].startswith(TAG_MAGICS)
            return tagged or len(content) - chunk <= MOST_JUNK or _zeros_from(content, chunk)
    return True


def _zeros_from(content: "mmap.mmap", start: int) -> bool:
    """Check that a file has only zeros from a byte on; a pause in music has some, too."""
    blocks = range(start, len(content), ZEROS_BLOCK)
    return not any(content[first : first + ZEROS_BLOCK].strip(b"\0") for first in blocks)


def ogg_links(content: "mmap.mmap") -> list[bytes]:
    """Find the recordings that an Ogg file is a chain of: the codec, channels and rate of each, as its header has them.

    Usually there is one. Streams that begin together with another, such as of a picture, are no links of their own.
    """
    links: list[bytes] = []
    audio_began, place = True, 0
    pages = 0
    while 0 <= place < len(content) - 27 and pages < MOST_PAGES:
        pages += 1
        if content[place : place + 4] != b"OggS":
            place = content.find(b"OggS", place + 1)
            continue
        flags, granule = content[place + 5], struct.unpack_from("<q", content, place + 6)[0]
        segments = content[place + 26]
        packet = place + 27 + segments
        if audio_began and flags & OGG_FIRST:
            opus = content[packet : packet + 8] == b"OpusHead"
            links.append(content[packet : packet + (OPUS_FORMAT_BYTES if opus else OGG_FORMAT_BYTES)])
        audio_began = granule > 0 or (audio_began and not flags & OGG_FIRST)
        place = packet + sum(content[place + 27 : packet])
    return links


XING_FRAMES = 1
"""Flag of a Xing or Info tag that counts frames."""


def mp3_samples_of_tag(path: Path) -> int | None:
    """Read how many samples per channel the Xing or Info tag of an mp3 counts, the encoder's padding included.

    Returns:
        None if there is no such tag.
    """
    with path.open("rb") as file:
        file.seek(id3_bytes(file.read(ID3_HEADER_BYTES)))
        head = file.read(4096)
    found = re.search(rb"(?:Xing|Info)(....)(....)", head, re.DOTALL)
    if found is None or not int.from_bytes(found[1], "big") & XING_FRAMES:
        return None
    sync = re.search(rb"\xff[\xe0-\xff]", head[: found.start()])
    version_1 = sync is None or head[sync.start() + 1] & 0x08
    return int.from_bytes(found[2], "big") * (1152 if version_1 else 576)
