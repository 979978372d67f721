"""Files of scores in the format of museval, for programs that read these."""

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

_VALUES = ("SDR", "SIR", "SAR", "ISR")
_PRECISION = Decimal(".00001")
_QUOTED = re.compile(rf'^( *"(?:{"|".join(_VALUES)})": )"(.*)"(,?)$', re.MULTILINE)


def museval_json(scores: TrackScores, stems: Sequence[str]) -> str:
    """Format scores like ``museval.TrackStore.json``, to the byte.

    Values have five decimals, and are NaN where a second is undefined, a value is missing, as SIR without BSS Eval, or
    a ratio is infinite. A value at exactly :data:`~bsroformer.metrics.LIMIT_DB`, the limit of the framewise SDR, counts
    as infinite; museval has no limit, and may have a number there.

    Args:
        scores: Scores of a track.
        stems: Names of the stems to write, in order.
    """
    targets = [{"name": stem, "frames": _frames(scores, stem)} for stem in stems]
    text = json.dumps({"targets": targets, "museval_version": _museval_version()}, indent=2)
    return _QUOTED.sub(r"\1\2\3", text)  # json.dumps would write numbers without trailing zeros


def write_museval(scores: TrackScores, stems: Sequence[str], path: Path) -> None:
    """Write `museval_json`.

    ``museval.MethodStore().add_eval_dir(<method>)`` reads ``<method>/test/<song>.json``.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(path, museval_json(scores, stems))


def _frames(scores: TrackScores, stem: str) -> list[dict[str, object]]:
    """List the seconds, for a window and a hop of 1.0."""
    frames = scores.frames[stem]
    undefined = (math.nan,) * len(frames["SDR"])
    columns = [frames.get(name, undefined) for name in _VALUES]
    return [
        {
            "time": float(second),
            "duration": 1.0,
            "metrics": dict(zip(_VALUES, map(_decimals, values), strict=True)),
        }
        for second, values in enumerate(zip(*columns, strict=True))
    ]


def _decimals(db: float) -> str:
    """Round like ``museval.TrackStore``: half to even, from the exact binary value."""
    if math.isinf(db) or abs(db) == LIMIT_DB:
        return "NaN"
    return str(Decimal(db).quantize(_PRECISION))


def _museval_version() -> str:
    """Return the installed version, without the import that needs FFmpeg.

    Without one, it is that of this format.
    """
    try:
        return metadata.version("museval")
    except metadata.PackageNotFoundError:
        return "0.4.1"
