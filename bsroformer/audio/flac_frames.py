"""Frames of a FLAC: whether there are more than its header counts (RFC 9639)."""

import mmap
import re
import struct

FLAC_STREAM = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
"""The beginning of a FLAC: its magic, and the header of its STREAMINFO block of 34 bytes."""
FLAC_TAIL = 2**18
"""Bytes at the end of a FLAC in which its last frame begins: eight channels of 65,535 samples of 24 bit take more, but
no encoder makes such frames."""
SEARCHED_BYTES = 2**22
"""A longer file is not searched whole for a second FLAC, if its frames are numbered through to the length stated."""
PROBES = 32
"""Positions in a long file at which the numbers of its frames are compared."""
PROBE_BYTES = 2**16
"""Bytes after such a position in which a frame begins."""


def flac_says_too_little(content: "mmap.mmap", begin: int = 0) -> bool:
    """Check for samples after those that STREAMINFO counts: of a second FLAC, or of later frames.

    Args:
        content: The file.
        begin: Its first byte after a tag. If no FLAC begins there, nothing is too little.
    """
    if not FLAC_STREAM.match(content, begin) or begin + 26 > len(content):
        return False
    stated = struct.unpack_from(">Q", content, begin + 18)[0] & (2**36 - 1)
    smallest, largest = struct.unpack_from(">HH", content, begin + 8)
    block_size = largest if smallest == largest else 0
    end = last_flac_sample(content[max(0, len(content) - FLAC_TAIL) :], block_size) or 0
    if 0 < stated < end:
        return True
    if stated == end and len(content) > SEARCHED_BYTES and _frames_are_in_order(content, begin, block_size):
        return False
    return FLAC_STREAM.search(content, begin + 4) is not None


def _frames_are_in_order(content: "mmap.mmap", begin: int, block_size: int) -> bool:
    """Check that the frames of a FLAC have rising numbers, at positions all over the file.

    Where a second FLAC begins, they start again at 0. One that is exactly as long as the first one is missed if all
    that lies between the numbers before and after it takes less than the distance of two positions.
    """
    if hasattr(mmap, "MADV_RANDOM"):
        content.madvise(mmap.MADV_RANDOM)  # read these positions, and not what follows them
    step = (len(content) - begin) // PROBES
    ends = [_first_end(content[place : place + PROBE_BYTES], block_size) for place in range(begin, len(content), step)]
    if hasattr(mmap, "MADV_NORMAL"):
        content.madvise(mmap.MADV_NORMAL)
    known = [end for end in ends if end is not None]
    return known == sorted(known)


def _first_end(window: bytes, block_size: int) -> int | None:
    """The sample after the first frame that begins in a part of a FLAC; None if there is none."""
    place = -1
    while (place := window.find(b"\xff", place + 1)) >= 0:
        if end := _frame_end(window[place : place + 16], block_size):
            return end
    return None


def last_flac_sample(tail: bytes, block_size: int) -> int | None:
    """Find the last frame header in the end of a FLAC (RFC 9639, section 9.1).

    Args:
        tail: The end of the file.
        block_size: Of all its frames but the last; 0 if they vary.

    Returns:
        The number of the sample after this frame, counted from 0; None if there is no frame header.
    """
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        if end := _frame_end(tail[place : place + 16], block_size):
            return end
    return None


def _frame_end(header: bytes, block_size: int) -> int | None:
    """The sample after the frame that a header begins, if it is one: its checksum tells."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    number, used = _coded_number(header[4:])
    samples_code, rate_code, place = header[2] >> 4, header[2] & 15, 4 + used
    if not used or not samples_code or rate_code == 15:
        return None
    if samples_code in (6, 7):
        size_bytes = samples_code - 5
        samples = int.from_bytes(header[place : place + size_bytes], "big") + 1
        place += size_bytes
    else:
        samples = (
            192 if samples_code == 1 else 576 << (samples_code - 2) if samples_code < 6 else 256 << (samples_code - 8)
        )
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if place >= len(header) or _crc8(header[:place]) != header[place]:
        return None
    varies = header[1] & 1
    return (number if varies else number * (block_size or samples)) + samples


def _coded_number(coded: bytes) -> tuple[int, int]:
    """A number coded as UTF-8 codes characters, and how many bytes it takes; 0 bytes if it is none."""
    first = coded[0]
    length = 1 if first < 0x80 else 8 - (first ^ 0xFF).bit_length()
    if length == 1:
        return (first, 1) if first < 0x80 else (0, 0)
    if length > 7 or len(coded) < length:
        return 0, 0
    number = first & (0x7F >> length)
    for byte in coded[1:length]:
        if byte & 0xC0 != 0x80:
            return 0, 0
        number = number << 6 | byte & 0x3F
    return number, length


def _crc8(data: bytes) -> int:
    """Checksum of a frame header: x^8 + x^2 + x + 1."""
    found = 0
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found << 1 ^ 0x07 if found & 0x80 else found << 1) & 0xFF
    return found
