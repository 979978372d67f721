"""Convert audio to another number of channels or another sample rate."""

from collections.abc import Iterable, Iterator
from math import ceil, gcd, sqrt

import torch
from torch import Tensor
from torchaudio.functional import resample as _resample

from bsroformer.errors import InputError

# "kaiser_best" of resampy in torchaudio's terms: the table in torchaudio's tutorial "Audio Resampling".
LOWPASS_WIDTH = 64  # zero crossings of the sinc on either side
ROLLOFF = 0.9475937167399596  # cutoff as a fraction of the Nyquist frequency
KAISER_BETA = 14.769656459379492
# The filter bank has one filter for each phase between the two clocks: 2**24 coefficients are 64 MiB. Every
# usual rate needs less than 2**20; 44101 Hz to 44100 Hz would need 2**31.
MAX_COEFFICIENTS = 2**24
# Samples resampled at a time by `resample_blocks`.
BLOCK = 2**17


# The order of channels in wav and in FFmpeg, by their count.
SURROUND = {
    3: "L R C",
    4: "L R Ls Rs",
    5: "L R C Ls Rs",
    6: "L R C LFE Ls Rs",
    7: "L R C LFE Cs Ls Rs",
    8: "L R C LFE Lb Rb Ls Rs",
}
# What each adds to left and right: ITU-R BS.775-3, annex 4, table 2; those of 7.1 behind the listener as at the side.
_HALF = sqrt(0.5)
DOWNMIX = {
    "L": (1.0, 0.0),
    "R": (0.0, 1.0),
    "C": (_HALF, _HALF),
    "LFE": (0.0, 0.0),
    "Cs": (0.5, 0.5),
    **dict.fromkeys(("Ls", "Lb"), (_HALF, 0.0)),
    **dict.fromkeys(("Rs", "Rb"), (0.0, _HALF)),
}


def to_channels(audio: Tensor, channels: int) -> Tensor:
    """Convert audio to one or two channels.

    Mono is duplicated, stereo is averaged to mono, and 3 to 8 channels (5.1 and its like, in the order of wav and
    FFmpeg) are mixed down by ITU-R BS.775-3: centre and surrounds at -3 dB, no LFE; the sum may exceed 1.

    Args:
        audio: Samples (... c t).
        channels: How many to have.

    Returns:
        Samples (... channels t); ``audio`` itself where nothing is to be done.

    Raises:
        InputError: There is no rule for this pair of counts.
    """
    found = audio.shape[-2]
    if found == channels:
        return audio
    if found == 1 and channels == 2:
        return audio.expand(*audio.shape[:-2], 2, audio.shape[-1]).contiguous()
    if found == 2 and channels == 1:
        return audio.mean(dim=-2, keepdim=True)
    if found in SURROUND and channels <= 2:
        gains = torch.tensor([DOWNMIX[name] for name in SURROUND[found].split()], device=audio.device)  # found 2
        return to_channels(gains.T @ audio, channels)
    raise InputError(
        f"Audio of {found} channels cannot be made into {channels}: give mono, stereo or surround of up to 8 channels, "
        "or mix it down in an audio editor first."
    )


def check_rates(rate: int, new_rate: int) -> None:
    """Make sure that audio of one rate in Hz can be resampled to the other, and back.

    Raises:
        InputError: If not, as `resample`.
    """
    divisor = gcd(rate, new_rate)
    coefficients = (
        new // divisor * (old // divisor + 2 * _reach(old, new)) for old, new in ((rate, new_rate), (new_rate, rate))
    )
    if max(coefficients) > MAX_COEFFICIENTS:
        raise InputError(
            f"{rate} Hz cannot be resampled to {new_rate} Hz here, for their common divisor {divisor} is too "
            f"small: convert the file first, for instance by `ffmpeg -i in.wav -ar {new_rate} out.wav`."
        )


def resample(audio: Tensor, rate: int, new_rate: int) -> Tensor:
    """Resample audio with a windowed sinc (J. O. Smith, "Digital Audio Resampling", as torchaudio has it).

    Args:
        audio: Samples (... t).
        rate: Their rate in Hz.
        new_rate: The rate to have, in Hz.

    Returns:
        Samples (... ceil(t * new_rate / rate)).

    Raises:
        InputError: The two rates have too small a common divisor for a filter bank of sensible size.
    """
    if rate == new_rate:
        return audio
    check_rates(rate, new_rate)
    return _resample(
        audio,
        rate,
        new_rate,
        lowpass_filter_width=LOWPASS_WIDTH,
        rolloff=ROLLOFF,
        resampling_method="sinc_interp_kaiser",
        beta=KAISER_BETA,
    )


def resample_blocks(blocks: Iterable[Tensor], rate: int, new_rate: int) -> Iterator[Tensor]:
    """Resample a stream in constant memory; the joined result equals `resample` of the joined blocks.

    ::

        input     [ context | settled | context ]      the filter reaches one context to either side
        output              [ yielded ]                context and settled are whole periods of the two clocks

    Args:
        blocks: Blocks (c t) of any length.
        rate: Their rate in Hz.
        new_rate: The rate to have, in Hz.

    Yields:
        Blocks (c t) of any length.

    Raises:
        InputError: As `resample`.
    """
    if rate == new_rate:
        yield from blocks
        return
    period = rate // gcd(rate, new_rate)  # after which the two clocks meet again
    context = ceil(_reach(rate, new_rate) / period) * period
    step = ceil(max(BLOCK, context) / period) * period

    def new(frames: int) -> int:
        return frames * new_rate // rate

    held: Tensor | None = None
    done = 0  # leading samples of `held` that were yielded, kept as context
    for block in blocks:
        held = block if held is None else torch.cat([held, block], dim=-1)
        while held.shape[-1] >= done + step + context:
            resampled = resample(held[..., : done + step + context], rate, new_rate)
            yield resampled[..., new(done) : new(done + step)]
            held = held[..., done + step - context :]
            done = context
    if held is not None:
        yield resample(held, rate, new_rate)[..., new(done) :]


def _reach(rate: int, new_rate: int) -> int:
    """Input samples on either side of an output sample that its filter reads."""
    divisor = gcd(rate, new_rate)
    cutoff = min(rate, new_rate) // divisor * ROLLOFF
    return ceil(LOWPASS_WIDTH * (rate // divisor) / cutoff)
