"""Tags that programs add before or after the audio of any format."""

TAG_MAGICS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN", b"3DI")
"""First bytes of ID3v1, ID3v2, APE and Lyrics3 tags, and of an ID3v2 footer."""
ID3_HEADER_BYTES = 10
ID3_FOOTER_FLAG = 0x10


def is_tag_or_padding(content: bytes) -> bool:
    """Check whether undecodable bytes are a tag or zeros."""
    return content.startswith(TAG_MAGICS) or not any(content)


def id3_bytes(header: bytes) -> int:
    """Compute the size of the ID3v2 tag of a file (ID3v2.4, section 3.1).

    Args:
        header: The first 10 bytes of the file.

    Returns:
        The tag's size with its header, in bytes; 0 without a tag.
    """
    if len(header) < ID3_HEADER_BYTES or not header.startswith(b"ID3"):
        return 0
    size = 0
    for byte in header[6:10]:
        size = size << 7 | byte & 0x7F
    footer = ID3_HEADER_BYTES if header[5] & ID3_FOOTER_FLAG else 0
    return ID3_HEADER_BYTES + size + footer
