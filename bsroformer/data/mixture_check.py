"""Compare what is heard in a training's mixtures with what the mixtures of the songs hold.

A training mixture is the sum of the stems of ``data.stems``. Where the songs' own mixtures hold more than these, a
model would learn to separate music in which that part is never heard; of one stem alone, it would learn to return its
input.
"""

import math
from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor

from bsroformer.audio.files import probe, read
from bsroformer.data.layouts import MIXTURE, REST, TrackFiles, TrackFormat
from bsroformer.data.layouts.musdb18 import MUSDB_STREAMS
from bsroformer.data.track import AnyTrack, open_track
from bsroformer.errors import InputError

COMPARED = 3
"""Songs whose mixtures are compared with the sum of their stems."""
EXCERPT_S = 5.0
"""Length of the excerpt that is compared, in seconds, at a third and at two thirds of the song."""
REFUSED_DB = -8.0
"""Level of the unnamed part, relative to the mixture, from which a training is refused."""


def refuse_single_stem(stems: Sequence[str]) -> None:
    """Make sure that a mixture is more than its target.

    Raises:
        InputError: If one stem is all that is heard.
    """
    if len(stems) == 1:
        (only,) = stems
        raise InputError(
            f"data.stems=[{only}] is all that would be heard, so that a model would learn to return its input: name "
            f"the other stems too, or {REST} for what else the songs' mixtures hold (data.stems=[{only},{REST}]); "
            f"model.stems=[{only}] chooses what is separated"
        )


def refuse_unnamed_part(pairs: Sequence[tuple[TrackFiles, AnyTrack]], stems: Sequence[str], sample_rate: int) -> None:
    """Make sure that the mixtures of the first songs hold no more than their stems add up to.

    Args:
        pairs: Songs, and their files.
        stems: ``data.stems``.
        sample_rate: Of the songs, Hz.

    Raises:
        InputError: If they do, or cannot be read.
    """
    comparable = (pair for pair in pairs if may_hold_more(pair[0], stems))
    for files, song in islice(comparable, COMPARED):
        level = unnamed_part_db(files, song, sample_rate)
        if level > REFUSED_DB:
            named = ", ".join(song.stems)
            raise InputError(
                f"{files.path}: its mixture holds more than {named}; the other part has {level:.1f} dB of it. Add "
                f"{REST} to data.stems (data.stems=[{','.join(stems)},{REST}]), or name all stems; "
                f"model.stems=[{','.join(stems)}] chooses what is separated"
            )


def refuse_silence_in_place_of(missing: Sequence[str], song: TrackFiles, form: TrackFormat) -> None:
    """Make sure that missing stems may be taken for silent ones: that the mixture holds no more than the others.

    Raises:
        InputError: If it does, or cannot be read.
    """
    present = [stem for stem in form.stems if stem in song.stems]
    try:
        track = open_track(song, TrackFormat(present, form.sample_rate, form.channels))
    except InputError:  # to be converted
        return
    level = unnamed_part_db(song, track, form.sample_rate)
    if level > REFUSED_DB:
        raise InputError(
            f"{song.path} lacks {', '.join(missing)}, and mend=[missing] would take them for silence, but its mixture "
            f"holds more than {', '.join(present)} (the other part has {level:.1f} dB of it): add the files, or set "
            f"data.stems=[{','.join(present)},{REST}]"
        )


def unnamed_stems(songs: Sequence[TrackFiles], stems: Sequence[str]) -> list[str]:
    """List the stems that whole songs have on disk and ``data.stems`` does not name: no mixture will have them."""
    found = {stem for song in songs if song.whole for stem in song.stems}
    return sorted(found.difference((MIXTURE, REST, *stems)))


def may_hold_more(song: TrackFiles, stems: Sequence[str]) -> bool:
    """Whether a song has a mixture that its stems need not add up to."""
    complete = set(MUSDB_STREAMS) <= {MIXTURE, *stems} and song.stems.keys() == set(MUSDB_STREAMS)
    return MIXTURE in song.stems and REST not in song.stems and not complete


def unnamed_part_db(files: TrackFiles, song: AnyTrack, sample_rate: int) -> float:
    """Measure what the sum of the stems leaves of the mixture at its best gain, in dB relative to the mixture."""
    size = round(EXCERPT_S * sample_rate)
    source = files.stems[MIXTURE]
    if probe(source.path, source.stream).sample_rate != sample_rate:
        return -math.inf  # of a song that was resampled into its pack
    starts = [max(0, round(song.frames * share) - size // 2) for share in (1 / 3, 2 / 3)]
    mixtures, sums = zip(*(_excerpt(files, song, start, size) for start in starts), strict=True)
    mixture, summed = torch.cat(mixtures, dim=-1).double(), torch.cat(sums, dim=-1).double()
    if mixture.shape != summed.shape:  # other channels
        return -math.inf
    energy = float(mixture.square().sum())
    if energy == 0:
        return -math.inf
    gain = (mixture * summed).sum() / summed.square().sum().clamp(min=1e-12)
    rest = float((mixture - gain * summed).square().sum())
    return 10 * math.log10(rest / energy) if rest > 0 else -math.inf


def _excerpt(files: TrackFiles, song: AnyTrack, start: int, size: int) -> tuple[Tensor, Tensor]:
    """Mixture and sum of the stems (c t), equally long."""
    source = files.stems[MIXTURE]
    mixture, _ = read(source.path, start, size, source.stream)
    summed = song.all_stems(start, size).sum(dim=0)
    length = min(mixture.shape[-1], summed.shape[-1])
    return mixture[..., :length], summed[..., :length]
