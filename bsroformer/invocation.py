"""How this program was called: messages name commands in the form that the user typed."""

import re
import shlex
import shutil
import sys
from pathlib import Path

from bsroformer.installation import CHECKOUT

PROGRAM = "bsroformer"
SCRIPT_NAMES = {
    "train": "train",
    "separate": "separate",
    "evaluate": "eval",
    "prepare": "prepare",
    "studio": "app",
    "checkpoint": "checkpoint",
    "check-gpu": "check_gpu",
    "benchmark": "benchmark",
}
"""By command, the name of its file in ``scripts/`` and ``configs/``."""

IN_TEXT = re.compile(rf"(-m )?\b{PROGRAM} ({'|'.join(SCRIPT_NAMES)})\b(?!-)")
"""A command in a text, after ``-m`` where another program starts it."""


def command_line(command: str, *words: str) -> str:
    """A command line of this program for a shell, called the way the user called this process.

    ``bsroformer separate``, ``python -m bsroformer separate`` or ``python scripts/separate.py``; the first where the
    package is used by another program.
    """
    folder = scripts_folder()
    if folder is not None:
        script = f"{folder}{SCRIPT_NAMES[command]}.py"
        return shlex.join([_python(), script, *words])
    return shlex.join([*_program(), command, *words])


def as_called(text: str) -> str:
    """A text with its commands, written ``bsroformer separate``, in the form that the user typed."""

    def called(match: re.Match[str]) -> str:
        folder = scripts_folder()
        if match[1] is None:
            return command_line(match[2])
        return match[0] if folder is None else f"{folder}{SCRIPT_NAMES[match[2]]}.py"

    return IN_TEXT.sub(called, text)


def command_name(command: str) -> str:
    """A command's name in messages: that of its script, where the user runs scripts."""
    return command if scripts_folder() is None else SCRIPT_NAMES[command]


def program_line() -> str:
    """The program's own name for a shell, before the command."""
    return shlex.join(_program())


def scripts_folder() -> str | None:
    """The folder of the script that runs, as typed and with its slash; None if no script of ours does."""
    path = Path(sys.argv[0])
    if path.stem not in SCRIPT_NAMES.values() or path.resolve().parent != CHECKOUT / "scripts":
        return None
    return sys.argv[0].removesuffix(path.name)


def _program() -> list[str]:
    path = Path(sys.argv[0])
    if path.name == "__main__.py" and path.parent.name == PROGRAM:
        return [_python(), "-m", PROGRAM]
    if path.stem != PROGRAM:
        return [PROGRAM]
    on_path = shutil.which(PROGRAM)
    is_first = on_path is not None and Path(on_path).absolute() == path.absolute()
    return [PROGRAM if is_first else sys.argv[0]]


def _python() -> str:
    """The interpreter as typed, or ``python``."""
    typed = sys.orig_argv[0]
    is_typed = sys.argv[0] in sys.orig_argv or PROGRAM in sys.orig_argv
    return typed if is_typed and Path(typed).name.startswith("python") else "python"
