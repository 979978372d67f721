"""Conversion of audio to another number of channels or another sample rate."""

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
MAX_COEFFICIENTS = 2**24
"""Largest filter bank, 64 MiB: it has one filter for each phase between the two clocks.

Every usual rate needs less than 2**20; 44101 Hz to 44100 Hz would need 2**31.
"""
RESAMPLED_BLOCK = 2**17
"""Samples that `resample_blocks` resamples at a time."""
UNNAMED = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "SL", "SR"),
    5: ("FL", "FR", "FC", "SL", "SR"),
    6: ("FL", "FR", "FC", "LFE", "SL", "SR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""Assumed names of unnamed channels, by their count."""
_HALF = sqrt(0.5)
DOWNMIX = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
    "FC": (_HALF, _HALF),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BC": (0.5, 0.5),
    **dict.fromkeys(("SL", "BL"), (_HALF, 0.0)),
    **dict.fromkeys(("SR", "BR"), (0.0, _HALF)),
}
"""Gains of each channel, by FFmpeg's name, in left and right (ITU-R BS.775-3, annex 4, table 2).

Channels behind the listener have the gains of those at the side.
"""


def to_channels(audio: Tensor, channels: int, layout: tuple[str, ...] = ()) -> Tensor:
    """Convert audio to one or two channels.

    Mono is duplicated, stereo is averaged to mono, and surround sound is mixed down by the names of its channels, by
    ITU-R BS.775-3: centre and surrounds at -3 dB, no LFE; the sum may exceed 1.

    Args:
        audio: Samples (... c t).
        channels: Number of channels of the result.
        layout: FFmpeg's names of the channels; if unknown, 3 to 8 channels are assumed to be `UNNAMED`.

    Returns:
        Samples (... channels t); ``audio`` itself if it has that number of channels.

    Raises:
        InputError: The conversion is not defined for these counts, or for a channel.
    """
    found = audio.shape[-2]
    if found == channels:
        return audio
    if found == 1 and channels == 2:
        return audio.expand(*audio.shape[:-2], 2, audio.shape[-1]).contiguous()
    if found == 2 and channels == 1:
        return audio.mean(dim=-2, keepdim=True)
    names = layout or UNNAMED.get(found, ())
    if len(names) != found or channels > 2:
        raise InputError(
            f"Audio of {found} channels cannot be made into {channels}; give mono, stereo or surround of up to 8 "
            "channels, or mix it down in an audio editor first."
        )
    unknown = [name for name in names if name not in DOWNMIX]
    if unknown:
        raise InputError(
            f"Audio with the channels {', '.join(names)} cannot be mixed down: ITU-R BS.775 has no rule for "
            f"{', '.join(unknown)}; mix it down in an audio editor first."
        )
    gains = torch.tensor([DOWNMIX[name] for name in names], device=audio.device)  # found 2
    return to_channels(gains.T @ audio, channels)


def check_rates(rate: int, new_rate: int) -> None:
    """Make sure that audio can be resampled between two rates and back.

    Raises:
        InputError: See `resample`.
    """
    if max(_coefficients(rate, new_rate), _coefficients(new_rate, rate)) > MAX_COEFFICIENTS:
        raise InputError(
            f"{rate} Hz cannot be resampled to {new_rate} Hz because their common divisor {gcd(rate, new_rate)} is too "
            f"small; convert the file first, for instance by `ffmpeg -i in.wav -ar {new_rate} out.wav`."
        )


def _coefficients(rate: int, new_rate: int) -> int:
    divisor = gcd(rate, new_rate)
    return new_rate // divisor * (rate // divisor + 2 * _reach(rate, new_rate))


def resample(audio: Tensor, rate: int, new_rate: int) -> Tensor:
    """Resample audio with a windowed sinc.

    The method is that of J. O. Smith, "Digital Audio Resampling", implemented by torchaudio.

    Args:
        audio: Samples (... t).
        rate: Their rate in Hz.
        new_rate: Rate of the result in Hz.

    Returns:
        Samples (... ceil(t * new_rate / rate)).

    Raises:
        InputError: The common divisor of the rates is so small that the filter bank exceeds `MAX_COEFFICIENTS`.
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
    """Resample a stream in constant memory.

    The joined result equals `resample` of the joined blocks.

    ::

        input     [ context | settled | context ]      the filter reaches one context to either side
        output              [ yielded ]                context and settled are whole periods of the two clocks

    Args:
        blocks: Blocks (c t) of any length.
        rate: Their rate in Hz.
        new_rate: Rate of the result in Hz.

    Yields:
        Blocks (c t) of any length.

    Raises:
        InputError: See `resample`.
    """
    if rate == new_rate:
        yield from blocks
        return
    period = rate // gcd(rate, new_rate)  # the two clocks coincide once a period
    context = ceil(_reach(rate, new_rate) / period) * period
    step = ceil(max(RESAMPLED_BLOCK, context) / period) * period

    def new(frames: int) -> int:
        return frames * new_rate // rate

    held: Tensor | None = None
    done = 0  # leading samples of `held` that were yielded and remain as context
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
    """Return the input samples that the filter reads on either side."""
    divisor = gcd(rate, new_rate)
    cutoff = min(rate, new_rate) // divisor * ROLLOFF
    return ceil(LOWPASS_WIDTH * (rate // divisor) / cutoff)
