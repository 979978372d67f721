"""The scores of a song as museval writes them, for the programs that read its files."""

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from importlib import metadata
from pathlib import Path

from bsroformer.atomic import write_text
from bsroformer.evaluation.scores import TrackScores
from bsroformer.metrics import LIMIT_DB

_METRICS = ("SDR", "SIR", "SAR", "ISR")
_PRECISION = Decimal(".00001")
_QUOTED = re.compile(rf'^( *"(?:{"|".join(_METRICS)})": )"(.*)"(,?)$', re.MULTILINE)


def museval_json(scores: TrackScores, stems: Sequence[str]) -> str:
    """What ``museval.TrackStore.json`` is after ``museval.eval_mus_track``: the same bytes for the same values.

    Five decimals, and NaN where a second is undefined, where there is no value, as of SIR without BSS Eval, and where a
    ratio is infinite. One at exactly :data:`~bsroformer.metrics.LIMIT_DB`, where the framewise SDR stops, counts as
    infinite; museval, which goes on, may have a number there.

    Args:
        scores: Of the song.
        stems: Names of the stems to write, in their order.
    """
    targets = [{"name": stem, "frames": _frames(scores, stem)} for stem in stems]
    text = json.dumps({"targets": targets, "museval_version": _museval_version()}, indent=2)
    return _QUOTED.sub(r"\1\2\3", text)  # JSON's numbers have no trailing zeros unless written so


def write_museval(scores: TrackScores, stems: Sequence[str], path: Path) -> None:
    """Write `museval_json`; ``museval.MethodStore().add_eval_dir(<method>)`` reads ``<method>/test/<song>.json``.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(path, museval_json(scores, stems))


def _frames(scores: TrackScores, stem: str) -> list[dict[str, object]]:
    """Seconds, as they are when the window and the hop are 1.0."""
    frames = scores.frames[stem]
    undefined = (math.nan,) * len(frames["SDR"])
    columns = [frames.get(name, undefined) for name in _METRICS]
    return [
        {
            "time": float(second),
            "duration": 1.0,
            "metrics": dict(zip(_METRICS, map(_decimals, values), strict=True)),
        }
        for second, values in enumerate(zip(*columns, strict=True))
    ]


def _decimals(db: float) -> str:
    """As ``museval.TrackStore`` rounds it: half to even, from the exact binary value."""
    if math.isinf(db) or abs(db) == LIMIT_DB:
        return "NaN"
    return str(Decimal(db).quantize(_PRECISION))


def _museval_version() -> str:
    """Of the museval that is installed, whose import would need FFmpeg; or of the one whose files these are like."""
    try:
        return metadata.version("museval")
    except metadata.PackageNotFoundError:
        return "0.4.1"
