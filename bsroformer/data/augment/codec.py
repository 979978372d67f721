"""Random lossy coding: encode a stem as MP3 or AAC and decode it again."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
import torch
from av.audio.stream import AudioStream
from torch import Tensor
from torch.nn import functional as F

from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.errors import InputError
from bsroformer.kinds import Probability

# Names of container and encoder in FFmpeg. Both containers state the encoder's delay for the decoder.
FORMATS = {"mp3": ("mp3", "libmp3lame"), "aac": ("ipod", "aac")}
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Codec:
    """A lossy file of one stem, in memory.

    It changes neither the time nor the level of the sound.

    Each stem has a file of its own, so that the mixture stays the sum of the stems.

    Attributes:
        probability: Probability that a stem is changed.
        kbits: Bit rate of a stem in kbit/s, uniform.
        formats: Equally likely formats: ``mp3``, ``aac``.
    """

    probability: Probability
    kbits: Range
    formats: Sequence[str]

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        key = "augment.effects.codec"
        check_probability(key, self.probability)
        check_range(f"{key}.kbits", self.kbits, 8, 320)
        if not self.formats or not set(self.formats) <= FORMATS.keys():
            raise InputError(f"{key}.formats is {list(self.formats)}; choose among {', '.join(FORMATS)}.")

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Encode and decode a stem (c t)."""
        name = self.formats[int(rng.integers(len(self.formats)))]
        kbits = round(rng.uniform(*self.kbits))
        _check_audio(name, len(stem), sample_rate)
        peak = float(stem.abs().amax())
        if peak == 0:
            return stem
        scale = max(1.0, peak)  # MP3 clips at full scale
        coded = encode(stem / scale, sample_rate, name, kbits)
        frames = stem.shape[1]
        decoded = decode(coded)[:, :frames]
        missing = frames - decoded.shape[1]
        return F.pad(decoded, (0, missing)) * scale


def encode(audio: Tensor, sample_rate: int, name: str, kbits: int) -> bytes:
    """Encode audio (c t), mono or stereo, as a file."""
    container_format, encoder = FORMATS[name]
    layout = LAYOUTS[len(audio)]
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(encoder, rate=sample_rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 1000 * kbits
        samples = np.ascontiguousarray(audio.numpy(), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
        frame.sample_rate = sample_rate
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode(file: bytes) -> Tensor:
    """Decode the audio (c t) of a file.

    A few samples of the encoder's padding may follow its end.
    """
    with av.open(io.BytesIO(file), "r") as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return torch.from_numpy(np.concatenate(blocks, axis=1))


def _check_audio(name: str, channels: int, sample_rate: int) -> None:
    rates = av.Codec(FORMATS[name][1], "w").audio_rates or ()
    if channels not in LAYOUTS or sample_rate not in rates:
        known = ", ".join(str(rate) for rate in sorted(rates))
        raise InputError(
            f"augment.effects.codec.formats has {name}, which takes mono or stereo at {known} Hz, not {channels} "
            f"channels at {sample_rate} Hz; set augment.effects.codec.probability=0."
        )
