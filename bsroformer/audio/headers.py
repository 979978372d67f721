"""Choice of the library that reads a file, by its first bytes and header.

libsndfile never reads past the length that a header states, so a file is left to it only where that length is the
file's own. FFmpeg decodes all that follows.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bsroformer.audio.flac_frames import flac_exceeds_header
from bsroformer.audio.tag_bytes import ID3_HEADER_BYTES, TAG_MAGICS, id3_bytes

WAV_EXTENSIBLE = 0xFFFE
RAW_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
}
"""libsndfile's subtypes by the tag of a wav's format and the bits of a sample."""
MAX_CHUNKS = 10_000
"""Chunks of a wav that are read: a file of empty ones would take minutes."""
MAX_PAGES = 1_000_000
"""Pages of an Ogg that are read."""
UNKNOWN_SIZES = (0, 2**32 - 1, 2**31 - 1)
"""Sizes of a data chunk that a writer did not fill in afterwards."""
OGG_FIRST_PAGE = 2
"""Flag of the first page of a logical stream of Ogg (RFC 3533, section 6)."""
OGG_FORMAT_BYTES = 16
"""Bytes of a Vorbis or FLAC header that are compared: name and version, and for Vorbis channels and rate."""
OPUS_FORMAT_BYTES = 10
"""Bytes of an Opus header that are compared: name, version and channels. It is always decoded at 48 kHz."""
XING_FRAMES = 1
"""Flag of a Xing or Info tag that counts frames."""
ZEROS_BLOCK = 2**20
"""Bytes that are searched at a time."""
MAX_JUNK = 4096
"""Bytes after the samples of a wav that are not taken for samples."""


@dataclass(frozen=True)
class RawSamples:
    """Samples in a file, from a byte to its end.

    Attributes:
        offset: First byte.
        subtype: Way to store a sample, by libsndfile's name, in little-endian order.
        channels: Number of channels.
        sample_rate: In Hz.
    """

    offset: int
    subtype: str
    channels: int
    sample_rate: int


@dataclass(frozen=True)
class Reader:
    """Way to read a file.

    Attributes:
        by_ffmpeg: Read it with FFmpeg, not libsndfile.
        sequential: Count samples: time stamps and the stated length are wrong.
        samples: Samples of a wav whose header states too few.
        changes: The file is a chain of recordings of different formats.
    """

    by_ffmpeg: bool = False
    sequential: bool = False
    samples: RawSamples | None = None
    changes: bool = False


LIBSNDFILE = Reader()
FFMPEG = Reader(by_ffmpeg=True)
COUNTING = Reader(by_ffmpeg=True, sequential=True)


def reader_of(path: Path) -> Reader:
    """Choose how to read a file; cached by the state of the file.

    Raises:
        OSError: If the file cannot be read.
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
            tag = id3_bytes(start)
            if tag:
                return COUNTING if flac_exceeds_header(content, tag) else FFMPEG
            if start.startswith(b"fLaC"):
                return COUNTING if flac_exceeds_header(content) else LIBSNDFILE
            if start.startswith(b"OggS"):
                return _reader_of_chain(ogg_links(content))
            if start.startswith(b"RIFF") and start.endswith(b"WAVE"):
                return Reader(samples=samples_beyond_header(content))
    return LIBSNDFILE


def _reader_of_chain(links: list[bytes]) -> Reader:
    if len(links) < 2:
        return LIBSNDFILE
    is_uniform = len(set(links)) == 1
    return COUNTING if is_uniform else replace(COUNTING, changes=True)


def _is_mpeg(start: bytes) -> bool:
    """Check for the sync word of MPEG audio, AAC in ADTS included."""
    if len(start) < 3:
        return False
    has_sync_word = start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return has_sync_word and start[2] not in (0xFF, 0x00)


def samples_beyond_header(content: "mmap.mmap") -> RawSamples | None:
    """Find the samples of a wav whose header states fewer than the file holds.

    Returns:
        None if the header is right or states more samples than exist, or if the samples are encoded: libsndfile reads
        all of these.
    """
    samples: RawSamples | None = None
    for name, start, size in _riff_chunks(content):
        if name == b"fmt ":
            samples = _samples_of(content[start : start + 40])
        if name != b"data":
            continue
        left = len(content) - start
        is_stated = size not in UNKNOWN_SIZES
        if is_stated and (size >= left or _ends_in_chunks(content, start + size + size % 2)):
            return None
        return None if samples is None or left == 0 else replace(samples, offset=start)
    return None


def _samples_of(form: bytes) -> RawSamples | None:
    """Describe the samples of a wav from its ``fmt`` chunk.

    None if they are encoded or the chunk is damaged.
    """
    if len(form) < 16:
        return None
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if tag == WAV_EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from("<H", form, 24)[0]
    subtype = RAW_SUBTYPES.get((tag, bits))
    if not subtype or not channels or not rate:
        return None
    return RawSamples(0, subtype, channels, rate)


def _riff_chunks(content: "mmap.mmap", start: int = 12) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, first byte and stated size of each chunk, at most `MAX_CHUNKS`."""
    for _ in range(MAX_CHUNKS):
        if start + 8 > len(content):
            return
        name, size = struct.unpack_from("<4sI", content, start)
        yield name, start + 8, size
        start += 8 + size + size % 2


def _ends_in_chunks(content: "mmap.mmap", start: int) -> bool:
    """Check for whole chunks, a tag, zeros or little data up to the end."""
    for name, first, size in _riff_chunks(content, start):
        is_chunk = re.fullmatch(rb"[ -~]{4}", name) is not None and first + size <= len(content) + 1
        if not is_chunk:
            begin = first - 8
            is_tag = content[begin : begin + 16].startswith(TAG_MAGICS)
            return is_tag or len(content) - begin <= MAX_JUNK or _zeros_from(content, begin)
    return True


def _zeros_from(content: "mmap.mmap", start: int) -> bool:
    """Check that a file has only zeros from a byte on."""
    blocks = range(start, len(content), ZEROS_BLOCK)
    return not any(content[first : first + ZEROS_BLOCK].strip(b"\0") for first in blocks)


def ogg_links(content: "mmap.mmap") -> list[bytes]:
    """Return the beginning of the header of each recording in an Ogg file.

    They have its codec, channels and rate. Streams that begin together with another, such as a picture, do not count.
    """
    links: list[bytes] = []
    audio_began = True
    position = 0
    pages = 0
    while 0 <= position < len(content) - 27 and pages < MAX_PAGES:
        pages += 1
        if content[position : position + 4] != b"OggS":
            position = content.find(b"OggS", position + 1)
            continue
        is_first = bool(content[position + 5] & OGG_FIRST_PAGE)
        granule = struct.unpack_from("<q", content, position + 6)[0]
        segments = content[position + 26]
        packet = position + 27 + segments
        if audio_began and is_first:
            links.append(_ogg_format(content, packet))
        audio_began = granule > 0 or (audio_began and not is_first)
        position = packet + sum(content[position + 27 : packet])
    return links


def _ogg_format(content: "mmap.mmap", packet: int) -> bytes:
    is_opus = content[packet : packet + 8] == b"OpusHead"
    size = OPUS_FORMAT_BYTES if is_opus else OGG_FORMAT_BYTES
    return content[packet : packet + size]


def read_xing_samples(path: Path) -> int | None:
    """Read the samples per channel in the Xing or Info tag of an mp3.

    They include the encoder's padding.

    Returns:
        None without such a tag.
    """
    with path.open("rb") as file:
        file.seek(id3_bytes(file.read(ID3_HEADER_BYTES)))
        head = file.read(4096)
    found = re.search(rb"(?:Xing|Info)(....)(....)", head, re.DOTALL)
    if found is None or not int.from_bytes(found[1], "big") & XING_FRAMES:
        return None
    sync = re.search(rb"\xff[\xe0-\xff]", head[: found.start()])
    is_version_1 = sync is None or head[sync.start() + 1] & 0x08
    frame_samples = 1152 if is_version_1 else 576
    return int.from_bytes(found[2], "big") * frame_samples
