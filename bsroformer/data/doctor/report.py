"""Write findings and measurements as JSON, for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from bsroformer.atomic import write_text
from bsroformer.data.doctor.amounts import amounts
from bsroformer.data.doctor.facts import TrackFacts, to_db
from bsroformer.data.doctor.finding import Finding


def write_check(tracks: Sequence[TrackFacts], findings: Sequence[Finding], stems: Sequence[str], path: Path) -> None:
    """Write findings, the amount of each of the stems, and the figures of every track.

    An infinite figure, as the level of silence, is ``null``.

    Raises:
        InputError: It cannot be written.
    """
    severities = Counter(finding.severity for finding in findings)
    tree = {
        "errors": severities["error"],
        "warnings": severities["warning"],
        "remarks": severities["remark"],
        "findings": [asdict(finding) for finding in findings],
        "stems": {
            split: {stem: asdict(amount) for stem, amount in of_split.items()}
            for split, of_split in amounts(tracks, stems).items()
        },
        "songs": [_track(facts) for facts in tracks],
    }
    write_text(path, json.dumps(tree, indent=2, allow_nan=False) + "\n")


def _track(facts: TrackFacts) -> dict[str, Any]:
    return {
        "split": facts.song.split,
        "song": facts.song.name,
        "path": str(facts.song.path),
        "seconds": round(facts.seconds, 3),
        "residual_db": [_figure(db) for db in facts.residual_db] or None,
        "stems": {name: _stem(facts, name) for name in facts.stems},
    }


def _stem(facts: TrackFacts, name: str) -> dict[str, Any]:
    stem = facts.stems[name]
    header = facts.headers[name]
    return {
        "file": header.path.name,
        "stream": header.stream,
        "codec": header.codec,
        "sample_rate": stem.sample_rate,
        "channels": stem.channels,
        "frames": stem.frames,
        "peak_dbfs": _figure(to_db(stem.peak)),
        "rms_dbfs": _figure(to_db(stem.rms)),
        "dc_dbfs": _figure(to_db(stem.dc)),
        "silent_share": round(stem.silent_share, 4),
        "clipped_runs": stem.clipped.runs if stem.clipped else 0,
        "beyond_full_scale": stem.beyond,
        "not_finite": stem.non_finite.count if stem.non_finite else 0,
        "digest": stem.digest,
    }


def _figure(value: float) -> float | None:
    return round(value, 2) if isfinite(value) else None
