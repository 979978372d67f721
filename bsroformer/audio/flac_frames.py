"""Frames of a FLAC, and the check of its header's length (RFC 9639)."""

import mmap
import re
import struct

FLAC_STREAM = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
"""First bytes of a FLAC: its magic, and the header of its STREAMINFO block of 34 bytes."""
FLAC_TAIL = 2**18
"""Bytes at the end of a FLAC in which its last frame begins.

Eight channels of 65,535 samples of 24 bit take more, but no encoder writes such frames.
"""
MAX_SEARCHED_BYTES = 2**22
"""Longest file that is always searched for a second FLAC; a longer one only if its frames are out of order."""
PROBES = 32
"""Positions in a long file at which the numbers of its frames are compared."""
PROBE_BYTES = 2**16
"""Bytes after such a position in which a frame begins."""
RATE_BYTES = {12: 1, 13: 2, 14: 2}
"""Bytes of an uncommon sample rate in a frame header, by its code."""


def flac_exceeds_header(content: "mmap.mmap", begin: int = 0) -> bool:
    """Check for samples after those that STREAMINFO counts.

    They may belong to a second FLAC, or to later frames.

    Args:
        content: The file.
        begin: The first byte after a tag. The result is False if no FLAC begins there.
    """
    if not FLAC_STREAM.match(content, begin) or begin + 26 > len(content):
        return False
    stated = struct.unpack_from(">Q", content, begin + 18)[0] & (2**36 - 1)
    smallest, largest = struct.unpack_from(">HH", content, begin + 8)
    block_size = largest if smallest == largest else 0
    tail_start = max(0, len(content) - FLAC_TAIL)
    end = last_flac_sample(content[tail_start:], block_size) or 0
    if 0 < stated < end:
        return True
    is_long = len(content) > MAX_SEARCHED_BYTES
    if stated == end and is_long and _frames_are_in_order(content, begin, block_size):
        return False
    return FLAC_STREAM.search(content, begin + 4) is not None


def _frames_are_in_order(content: "mmap.mmap", begin: int, block_size: int) -> bool:
    """Check at positions all over a FLAC that its frames have rising numbers.

    They restart at 0 in a second FLAC. One that is exactly as long as the first is missed if it lies between two
    positions.
    """
    if hasattr(mmap, "MADV_RANDOM"):
        content.madvise(mmap.MADV_RANDOM)  # read these positions, and not what follows them
    step = (len(content) - begin) // PROBES
    positions = range(begin, len(content), step)
    ends = [_first_end(content[position : position + PROBE_BYTES], block_size) for position in positions]
    if hasattr(mmap, "MADV_NORMAL"):
        content.madvise(mmap.MADV_NORMAL)
    known = [end for end in ends if end is not None]
    return known == sorted(known)


def _first_end(window: bytes, block_size: int) -> int | None:
    """Return the sample after the first frame in a part of a FLAC."""
    position = window.find(b"\xff")
    while position >= 0:
        end = _frame_end(window[position : position + 16], block_size)
        if end:
            return end
        position = window.find(b"\xff", position + 1)
    return None


def last_flac_sample(tail: bytes, block_size: int) -> int | None:
    """Find the last frame header in the end of a FLAC (RFC 9639, section 9.1).

    Args:
        tail: The end of the file.
        block_size: Samples of every frame but the last; 0 if they vary.

    Returns:
        The number of the sample after this frame, counted from 0; None without a frame header.
    """
    position = tail.rfind(b"\xff")
    while position >= 0:
        end = _frame_end(tail[position : position + 16], block_size)
        if end:
            return end
        position = tail.rfind(b"\xff", 0, position)
    return None


def _frame_end(header: bytes, block_size: int) -> int | None:
    """Return the sample after the frame of a header.

    None if the header or its checksum is invalid.
    """
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    number, used = _coded_number(header[4:])
    samples_code = header[2] >> 4
    rate_code = header[2] & 15
    position = 4 + used
    if not used or not samples_code or rate_code == 15:
        return None
    if samples_code in (6, 7):
        size_bytes = samples_code - 5
        samples = int.from_bytes(header[position : position + size_bytes], "big") + 1
        position += size_bytes
    else:
        samples = _block_samples(samples_code)
    position += RATE_BYTES.get(rate_code, 0)
    if position >= len(header) or _crc8(header[:position]) != header[position]:
        return None
    size_varies = header[1] & 1
    first = number if size_varies else number * (block_size or samples)
    return first + samples


def _block_samples(code: int) -> int:
    """Return the samples of a frame by their code (RFC 9639, section 9.1.1)."""
    if code == 1:
        return 192
    return 576 << (code - 2) if code < 6 else 256 << (code - 8)


def _coded_number(coded: bytes) -> tuple[int, int]:
    """Decode a number that is coded like a character of UTF-8.

    Returns:
        The number and its bytes, 0 if invalid.
    """
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
    """Compute the checksum of a frame header: x^8 + x^2 + x + 1."""
    found = 0
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found << 1 ^ 0x07 if found & 0x80 else found << 1) & 0xFF
    return found
