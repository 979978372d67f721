"""Facts about a training for its page: its configuration and its starts."""

from collections.abc import Mapping
from typing import Any

from bsroformer.report.provenance import Fact, moment, starts_of, text, whole_number
from bsroformer.report.tables import Line, Table
from bsroformer.text import NOTHING

Tree = Mapping[str, Any]


def setup_of(settings: Tree) -> list[Fact]:
    """List data and training settings; missing ones are skipped."""
    data = _group(settings, "data")
    trainer = _group(settings, "trainer")
    optimizer = _group(settings, "optimizer")
    batch = whole_number(data.get("batch_size"))
    accumulated = whole_number(trainer.get("accumulate_grad_batches"))
    each = f"{batch} × {accumulated}" if accumulated > 1 else f"{batch}"
    parts = [
        ("data", [data.get("root"), _with(data.get("seconds"), "excerpts of {} s")]),
        (
            "training",
            [
                _with(optimizer.get("lr"), "learning rate {}"),
                f"{each} {'excerpt' if each == '1' else 'excerpts'} a step" if batch else None,
                _with(settings.get("ema_half_life"), "average over {} steps"),
                _with(settings.get("seed"), "seed {}"),
                _with(settings.get("monitor"), "judged by {}"),
            ],
        ),
    ]
    lines = [(name, " · ".join(text(value) for value in values if value is not None)) for name, values in parts]
    return [(name, value) for name, value in lines if value]


def starts_table(facts: Tree) -> Table | None:
    """List the starts of a resumed run; None for a single start."""
    starts = starts_of(facts)
    if len(starts) < 2:
        return None
    lines = []
    for n, start in enumerate(starts, start=1):
        end = text(start.get("end") or NOTHING)
        cells = moment(start) or NOTHING, end, text(start.get("command") or NOTHING)
        lines.append(Line(str(n), cells))
    return Table(("started (UTC)", "end", "command"), tuple(lines), words=True, first="start")


def _group(settings: Tree, name: str) -> Tree:
    found = settings.get(name)
    return found if isinstance(found, Mapping) else {}


def _with(value: Any, words: str) -> str | None:
    """Insert a value into words; None without a value."""
    return None if value is None else words.format(text(value))
