"""What was found as JSON, for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from bsroformer.atomic import write_text
from bsroformer.data.doctor.facts import TrackFacts, decibels
from bsroformer.data.doctor.finding import Finding


def write_check(songs: Sequence[TrackFacts], findings: Sequence[Finding], path: Path) -> None:
    """Write findings, and the figures of every song; what has no figure, as the level of silence, is ``null``.

    Raises:
        InputError: It cannot be written.
    """
    severities = Counter(finding.severity for finding in findings)
    tree = {
        "errors": severities["error"],
        "warnings": severities["warning"],
        "remarks": severities["remark"],
        "findings": [asdict(finding) for finding in findings],
        "songs": [_song(facts) for facts in songs],
    }
    write_text(path, json.dumps(tree, indent=2, allow_nan=False) + "\n")


def _song(facts: TrackFacts) -> dict[str, Any]:
    return {
        "split": facts.song.split,
        "song": facts.song.name,
        "path": str(facts.song.path),
        "seconds": round(facts.seconds, 3),
        "residual_db": [_figure(db) for db in facts.residual_db] or None,
        "stems": {name: _stem(facts, name) for name in facts.stems},
    }


def _stem(facts: TrackFacts, name: str) -> dict[str, Any]:
    stem, header = facts.stems[name], facts.headers[name]
    return {
        "file": header.path.name,
        "stream": header.stream,
        "codec": header.codec,
        "sample_rate": stem.sample_rate,
        "channels": stem.channels,
        "frames": stem.frames,
        "peak_dbfs": _figure(decibels(stem.peak)),
        "rms_dbfs": _figure(decibels(stem.rms)),
        "dc_dbfs": _figure(decibels(stem.dc)),
        "silent_share": round(stem.rests, 4),
        "clipped_runs": stem.clipped.runs if stem.clipped else 0,
        "beyond_full_scale": stem.beyond,
        "not_finite": stem.bad.count if stem.bad else 0,
        "digest": stem.digest,
    }


def _figure(value: float) -> float | None:
    return round(value, 2) if isfinite(value) else None
