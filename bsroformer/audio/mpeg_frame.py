"""Frame headers of MPEG audio, layer III.

See ISO/IEC 11172-3, section 2.4.1.3, and ISO/IEC 13818-3.
"""

KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
RATES_MPEG1 = (44_100, 48_000, 32_000, 0)
RATE_DIVISORS = {3: 1, 2: 2, 0: 4}
"""Divisors of `RATES_MPEG1` by the code of the version: MPEG 1, 2 and 2.5."""
LAYER_3 = 1


def layer_3_frame_bytes(header: bytes) -> int | None:
    """Compute the size of a frame, in bytes, from its first four.

    Returns:
        None for other data and for frames of free bit rate.
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version = header[1] >> 3 & 3
    layer = header[1] >> 1 & 3
    rate = RATES_MPEG1[header[2] >> 2 & 3] // RATE_DIVISORS.get(version, 1)
    is_mpeg1 = version == 3
    kbits = (KBITS_MPEG1 if is_mpeg1 else KBITS_MPEG2)[header[2] >> 4]
    if layer != LAYER_3 or version not in RATE_DIVISORS or not rate or not kbits:
        return None
    padding = header[2] >> 1 & 1
    return (144 if is_mpeg1 else 72) * kbits * 1000 // rate + padding
