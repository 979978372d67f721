"""Every command in the README is one that the program accepts, and the links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from bsroformer.cli.commands import COMMANDS as SCRIPTS
from bsroformer.cli.running import checked

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = [
    line.split("#")[0].strip().replace("<run>", "run").replace("…", "x").replace("model=mine", "model=lite")
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), flags=re.S)
    for line in block.splitlines()
    if "scripts/" in line
]


def test_the_readme_has_commands_for_every_script():
    scripts = {path.name for path in (ROOT / "scripts").glob("*.py")}
    shown = {match for page in PAGES for match in re.findall(r"scripts/(\w+\.py)", page.read_text("utf-8"))}
    assert scripts <= shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_composes(command, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    words = shlex.split(command.replace("$HOME", "/home/somebody"))
    script = next(index for index, word in enumerate(words) if "scripts/" in word)
    checked(SCRIPTS[Path(words[script]).stem], words[script + 1 :])  # raises if it does not


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_to_files(page):
    targets = re.findall(r"(?:\]\(|src=\")(?!https?:|#)([^)#\"]+)", page.read_text("utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to {missing}"
