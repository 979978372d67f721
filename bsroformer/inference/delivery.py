"""File format of delivered stems."""

from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.formats import DELIVERED, FORMATS
from bsroformer.errors import InputError

BIT_DEPTHS = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}
"""libsndfile's subtypes by the values of ``bit_depth``."""
AUTO = "auto"
MIN_BITRATE = 32
MAX_BITRATE = 512


@dataclass(frozen=True)
class Delivery:
    """File format of delivered stems.

    Attributes:
        format: ``wav``, ``flac``, ``mp3``, ``ogg`` or ``m4a``, the formats that keep tags.
        bit_depth: ``16``, ``24``, ``float``, or ``auto``: the source's own, if the format supports it. For a lossy
            source, ``auto`` is float in a wav and 24 bits in a flac.
        bitrate: Bit rate of mp3, ogg and m4a in kbit/s.
        rescale: Scale all stems of a song by one factor if a sample of one would clip, so that they still sum.

    Raises:
        InputError: If a value is out of range.
    """

    format: str = "wav"
    bit_depth: int | str = AUTO
    bitrate: int = 256
    rescale: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if self.format not in DELIVERED:
            raise InputError(f"format={self.format} must be one of {', '.join(DELIVERED)}")
        if str(self.bit_depth) not in (AUTO, *BIT_DEPTHS):
            raise InputError(f"bit_depth={self.bit_depth} must be one of {AUTO}, {', '.join(BIT_DEPTHS)}")
        if str(self.bit_depth) != AUTO:
            subtype = BIT_DEPTHS[str(self.bit_depth)]
            if subtype not in FORMATS[self.format].subtypes:
                raise InputError(f"format={self.format} has no bit_depth={self.bit_depth}; set bit_depth={AUTO}")
        if not isinstance(self.bitrate, int) or not MIN_BITRATE <= self.bitrate <= MAX_BITRATE:
            raise InputError(
                f"bitrate={self.bitrate} must be a whole number in {MIN_BITRATE} to {MAX_BITRATE}, in kbit/s"
            )

    def subtype(self, codec: str) -> str:
        """Return libsndfile's subtype of stems for a source that is stored as ``codec``."""
        kind = FORMATS[self.format]
        if kind.lossy:
            return kind.subtypes[0]
        if str(self.bit_depth) != AUTO:
            return BIT_DEPTHS[str(self.bit_depth)]
        lossless = _lossless_subtype(codec)
        return lossless if lossless in kind.subtypes else kind.subtypes[0]

    def clips(self, codec: str) -> bool:
        """Check whether samples beyond full scale are lost.

        They are in all but float files; in lossy ones when they are played.
        """
        return self.subtype(codec) != "FLOAT"

    def path(self, folder: Path, stem: str) -> Path:
        """Return the file of a stem."""
        return folder / f"{stem}.{self.format}"


def _lossless_subtype(codec: str) -> str:
    """Return the smallest subtype that stores a source without loss.

    Args:
        codec: libsndfile's or FFmpeg's name of the source's own.

    Returns:
        An empty text if unknown.
    """
    codec = codec.lower()
    if "16" in codec or codec in ("pcm_u8", "pcm_s8", "ulaw", "alaw"):
        return "PCM_16"
    return "PCM_24" if "24" in codec else ""
