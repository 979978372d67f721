"""Compare a training's mixtures with the mixtures of the tracks on disk.

A training mixture is the sum of the stems of ``data.stems``. If a track's own mixture contains more, the model would
learn to separate music that never contains that part; with one stem alone, it would learn to return its input.
"""

import math
import time
import warnings
from collections.abc import Sequence
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor

from bsroformer.audio.files import probe, read
from bsroformer.data.layouts import MIXTURE, REST, UNKNOWN, TrackFiles, TrackFormat
from bsroformer.data.layouts.musdb18 import MUSDB_STREAMS
from bsroformer.data.track import AnyTrack, open_track
from bsroformer.errors import InputError
from bsroformer.text import decibels

T = TypeVar("T")

MIN_COMPARED = 3
"""Fewest tracks whose mixtures are compared with the sum of their stems, however long that takes."""
MAX_COMPARED = 16
"""Most tracks that are compared, spread over the data set."""
ROUNDS = 4
"""Rounds over the data set in which they are compared, so that the first ones are spread over it too."""
COMPARING_S = 5.0
"""Time after which no further track is compared, in seconds."""
EXCERPT_S = 3.0
"""Length of an excerpt that is compared, in seconds."""
EXCERPT_CENTRES = (1 / 8, 3 / 8, 5 / 8, 7 / 8)
"""Where the excerpts lie, in shares of the track."""
REFUSED_DB = -8.0
"""Level of the unnamed part, relative to the mixture, from which a training is refused."""
WARNED_DB = -20.0
"""Level from which the user is warned: mastering, and lossy files, leave parts of up to -15 dB too."""


def refuse_single_stem(stems: Sequence[str]) -> None:
    """Check that a mixture is more than its target.

    Raises:
        InputError: If it is one stem.
    """
    if len(stems) == 1:
        (only,) = stems
        raise InputError(
            f"data.stems=[{only}] is all that would be heard, so that a model would learn to return its input; name "
            f"the other stems too, or {REST} for what else the songs' mixtures hold (data.stems=[{only},{REST}]); "
            f"model.stems=[{only}] chooses what is separated"
        )


def refuse_unnamed_part(pairs: Sequence[tuple[TrackFiles, AnyTrack]], stems: Sequence[str], sample_rate: int) -> None:
    """Check that mixtures contain no more than the sum of their stems.

    A quiet remainder only gives a warning.

    Args:
        pairs: Files of tracks, and the tracks.
        stems: ``data.stems``.
        sample_rate: Rate of the tracks, Hz.

    Raises:
        InputError: If they do, or cannot be read.
    """
    comparable = [pair for pair in pairs if may_hold_more(pair[0], stems)]
    begun = time.monotonic()
    quiet: list[tuple[float, TrackFiles, AnyTrack]] = []
    compared = 0
    for files, track in spread(comparable, MAX_COMPARED):
        if compared >= MIN_COMPARED and time.monotonic() - begun > COMPARING_S:
            break
        level = unnamed_part_db(files, track, sample_rate)
        compared += 1
        if level > REFUSED_DB:
            raise InputError(
                f"{_describe_remainder(files, track, level)}; {_remedy(stems)}; model.stems=[{','.join(stems)}] "
                "chooses what is separated"
            )
        if level > WARNED_DB:
            quiet.append((level, files, track))
    if quiet:
        level, files, track = max(quiet, key=lambda found: found[0])
        warnings.warn(
            f"{_describe_remainder(files, track, level)}, like {len(quiet)} of {compared} compared songs, and no "
            f"training mixture will have it. If it is more than mastering, {_remedy(stems)}.",
            stacklevel=1,
        )


def spread(items: Sequence[T], most: int) -> list[T]:
    """Choose up to `most` items evenly over a sequence.

    Their order spreads the first few as well.
    """
    count = min(most, len(items))
    chosen = [items[number * len(items) // count] for number in range(count)]
    rounds = (chosen[first::ROUNDS] for first in range(ROUNDS))
    return list(chain.from_iterable(rounds))


def _describe_remainder(files: TrackFiles, track: AnyTrack, level: float) -> str:
    named = ", ".join(track.stems)
    return f"{files.path}: its mixture holds more than {named}; the other part has {decibels(level)} of it"


def _remedy(stems: Sequence[str]) -> str:
    return f"add {REST} to data.stems (data.stems=[{','.join(stems)},{REST}]), or name all stems"


def refuse_silence_in_place_of(missing: Sequence[str], song: TrackFiles, form: TrackFormat) -> None:
    """Check that missing stems may be replaced by silence.

    Then the mixture contains no more than the others.

    Raises:
        InputError: If it does, or cannot be read.
    """
    present = [stem for stem in form.stems if stem in song.stems]
    try:
        track = open_track(song, TrackFormat(present, form.sample_rate, form.channels))
    except InputError:  # its format will be converted
        return
    level = unnamed_part_db(song, track, form.sample_rate)
    if level > REFUSED_DB:
        key = "data.missing=silent" if song.silent else "mend=[missing]"
        raise InputError(
            f"{song.path} lacks {', '.join(missing)}, and {key} would take them for silence, but its mixture "
            f"holds more than {', '.join(present)} (the other part has {decibels(level)} of it); add the files, or set "
            f"data.missing=unknown or data.stems=[{','.join(present)},{REST}]"
        )


def unnamed_stems(files: Sequence[TrackFiles], stems: Sequence[str]) -> list[str]:
    """List the stems on disk that ``data.stems`` does not name.

    No training mixture contains them.
    """
    found = {stem for song in files if song.whole and UNKNOWN not in song.stems for stem in song.stems}
    used = {name for song in files for name in song.file_names(song.stems_among(stems))}
    return sorted(found.difference((MIXTURE, REST, *stems), used))


def may_hold_more(song: TrackFiles, stems: Sequence[str]) -> bool:
    """Check for a mixture that need not be the sum of the stems."""
    is_musdb18 = song.stems.keys() == set(MUSDB_STREAMS)
    complete = is_musdb18 and set(MUSDB_STREAMS) <= {MIXTURE, *stems}
    derived = any(song.stems[stem].minus for stem in song.stems_among(stems))
    return MIXTURE in song.stems and not derived and REST not in song.stems and not complete


def unnamed_part_db(files: TrackFiles, track: AnyTrack, sample_rate: int) -> float:
    """Measure the mixture without its stems, dB relative to the mixture.

    The sum of the stems is subtracted at its best gain.
    """
    size = round(EXCERPT_S * sample_rate)
    source = files.stems[MIXTURE]
    info = probe(source.path, source.stream)
    if info.sample_rate != sample_rate:
        return -math.inf  # the track was resampled into its pack
    frames = min(track.frames, info.expected_frames or track.frames)  # a pack may be longer than the mixture
    starts = [max(0, round(frames * centre) - size // 2) for centre in EXCERPT_CENTRES]
    excerpts = [_excerpt(files, track, start, size) for start in starts]
    mixture = torch.cat([mixture for mixture, _ in excerpts], dim=-1).double()
    summed = torch.cat([summed for _, summed in excerpts], dim=-1).double()
    if mixture.shape != summed.shape:  # the number of channels differs
        return -math.inf
    energy = float(mixture.square().sum())
    if energy == 0:
        return -math.inf
    gain = (mixture * summed).sum() / summed.square().sum().clamp(min=1e-12)
    unnamed = float((mixture - gain * summed).square().sum())
    return 10 * math.log10(unnamed / energy) if unnamed > 0 else -math.inf


def _excerpt(files: TrackFiles, track: AnyTrack, start: int, size: int) -> tuple[Tensor, Tensor]:
    """Read the mixture and the sum of the stems (c t), equally long."""
    source = files.stems[MIXTURE]
    mixture, _ = read(source.path, start, size, source.stream)
    summed = track.all_stems(start, size).sum(dim=0)
    length = min(mixture.shape[-1], summed.shape[-1])
    return mixture[..., :length], summed[..., :length]
