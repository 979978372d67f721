"""Code, configs and docs avoid words that an engineer of this field would not use."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("bsroformer", "configs", "docs", "scripts")
SUFFIXES = (".py", ".yaml", ".md", ".html", ".js", ".css")
WORDS = re.compile(
    r"\b(told|anew|whoever|goes on|going on|passed over|(is|are) none of|no knowing|mending|with a word)\b",
    re.IGNORECASE,
)


def sources() -> Iterator[Path]:
    """All files that a reader sees, without the tests."""
    yield from ROOT.glob("*.md")
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)


def test_sources_use_plain_words():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        for match in WORDS.finditer(line)
    ]
    assert not found, "\n".join(found)
