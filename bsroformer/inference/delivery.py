"""In which form stems are written."""

from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.formats import FORMATS
from bsroformer.errors import InputError

DELIVERED = ("wav", "flac", "mp3", "ogg", "m4a")
BIT_DEPTHS = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class Delivery:
    """How stems are written.

    Attributes:
        format: ``wav``, ``flac``, ``mp3``, ``ogg`` or ``m4a``: those that keep tags.
        bit_depth: ``16``, ``24``, ``float``, or ``auto``: the file's own where the format can have it. What was lossy
            has none: a wav of it is float, a flac 24 bits.
        bitrate: Of mp3, ogg and m4a, kbit/s.
        rescale: Scale all stems of a song by one factor where a sample of one would clip, so that they still sum.

    Raises:
        InputError: If one of them is out of range.
    """

    format: str = "wav"
    bit_depth: int | str = "auto"
    bitrate: int = 256
    rescale: bool = False

    def __post_init__(self) -> None:
        if self.format not in DELIVERED:
            raise InputError(f"format={self.format} is none of {', '.join(DELIVERED)}")
        if str(self.bit_depth) not in ("auto", *BIT_DEPTHS):
            raise InputError(f"bit_depth={self.bit_depth} is none of auto, {', '.join(BIT_DEPTHS)}")
        if str(self.bit_depth) != "auto":
            subtype = BIT_DEPTHS[str(self.bit_depth)]
            if subtype not in FORMATS[self.format].subtypes:
                raise InputError(f"format={self.format} has no bit_depth={self.bit_depth}: leave bit_depth=auto")
        if not isinstance(self.bitrate, int) or not 32 <= self.bitrate <= 512:
            raise InputError(f"bitrate={self.bitrate} is no whole number between 32 and 512 kbit/s")

    def subtype(self, codec: str) -> str:
        """How a sample is stored, in libsndfile's words, where it was stored as ``codec`` says."""
        known = FORMATS[self.format].subtypes
        if FORMATS[self.format].lossy:
            return known[0]
        if str(self.bit_depth) != "auto":
            return BIT_DEPTHS[str(self.bit_depth)]
        return next((subtype for subtype in _fitting(codec) if subtype in known), known[0])

    def clips(self, codec: str) -> bool:
        """Whether samples beyond full scale are lost: in all but float files, in lossy ones when they are played."""
        return self.subtype(codec) != "FLOAT"

    def path(self, folder: Path, stem: str) -> Path:
        """Where a stem is written."""
        return folder / f"{stem}.{self.format}"


def _fitting(codec: str) -> tuple[str, ...]:
    """The subtypes that hold all that a file's own holds, smallest first, from libsndfile's or FFmpeg's name of it."""
    codec = codec.lower()
    if "16" in codec or codec in ("pcm_u8", "pcm_s8", "ulaw", "alaw"):
        return ("PCM_16",)
    return ("PCM_24",) if "24" in codec else ()
