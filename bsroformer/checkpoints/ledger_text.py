"""A ledger as text."""

from bsroformer.checkpoints.ledger import DataSet, Ledger
from bsroformer.data.song_terms import UNKNOWN
from bsroformer.text import count

UNKNOWN_LEDGER = "licence and training data unknown"
"""Text for a model without a ledger."""
SHORT_HOURS = 0.1
"""Length below which all digits are shown."""


def describe_ledger(ledger: Ledger | None) -> list[str]:
    """Describe a ledger in a few lines, one for each data set and each base."""
    if ledger is None:
        return [UNKNOWN_LEDGER]
    lines = [_data_line(data) for data in ledger.data]
    for base in ledger.bases:
        digest = f" ({base.digest[:16]})" if base.digest else ""
        first, *others = describe_ledger(base.ledger)
        lines.append(f"weights of {base.name}{digest}: {first}")
        lines += [f"  {line}" for line in others]
    return lines or [UNKNOWN_LEDGER]


def _data_line(data: DataSet) -> str:
    licenses = ", ".join(f"{license} ({number:,})" for license, number in data.licenses.items())
    sources = f"; from {', '.join(data.sources)}" if data.sources else ""
    hours = f"{data.hours:,.1f}" if data.hours >= SHORT_HOURS else f"{data.hours:g}"
    return f"{data.name}: {count(data.songs, 'song')}, {hours} h; licence {licenses or UNKNOWN}{sources}"
