"""The README's commands are accepted, and its links have a target."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bsroformer
from bsroformer.cli.command_help import print_help
from bsroformer.cli.registry import COMMANDS, INSTALLED
from bsroformer.cli.runner import checked

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
WORDS_BEFORE = re.compile(rf"(?:^|&& |-m |/| )bsroformer ({'|'.join(COMMANDS)}) |python scripts/(\w+)\.py ")
"""First words of a command or of its script."""
BY_SCRIPT = {command.root: command for command in COMMANDS.values()}
OWN_CONFIGS = "--config-"
LINES = [
    line.split("#")[0]
    .strip()
    .replace("<run>", "run")
    .replace("…", "x")
    .replace("model=mine", "model=lite")
    .replace("model=mask_net", "model=lite")
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), flags=re.S)
    for line in block.splitlines()
    if WORDS_BEFORE.search(f"{line} ") and OWN_CONFIGS not in line
]


def test_the_docs_name_every_command_and_script():
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert not [name for name in INSTALLED if f"bsroformer {name}" not in text]
    assert not [path.name for path in (ROOT / "scripts").glob("*.py") if f"python scripts/{path.name}" not in text]


@pytest.mark.parametrize("line", LINES)
def test_the_command_composes(line, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    found = WORDS_BEFORE.search(f"{line} ")
    assert found is not None
    command = COMMANDS[found[1]] if found[1] else BY_SCRIPT[found[2]]
    words = shlex.split(line[found.end() :].replace("$HOME", "/home/somebody"))
    if "--help" in words:
        print_help(command, words)
    else:
        checked(command, words)  # raises if it does not


def test_the_installed_program_runs_the_command():
    program = Path(sys.executable).with_name("bsroformer")
    if not program.is_file():
        pytest.skip("the program is not installed in this environment")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"bsroformer {bsroformer.__version__} ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_to_files(page):
    targets = re.findall(r"(?:\]\(|src=\")(?!https?:|#)([^)#\"]+)", page.read_text("utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to {missing}"
