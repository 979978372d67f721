"""Command lines for messages, in the form in which the user called this program."""

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
"""A command in a text; the group matches if another program starts it by ``-m``."""


def command_line(command: str, *words: str) -> str:
    """Return a command line for a shell, in the form of this process's own.

    It is ``bsroformer separate``, ``python -m bsroformer separate`` or ``python scripts/separate.py``; the first if
    another program uses the package.
    """
    folder = scripts_folder()
    if folder is not None:
        script = f"{folder}{SCRIPT_NAMES[command]}.py"
        return shlex.join([_python(), script, *words])
    return shlex.join([*_program(), command, *words])


def as_called(text: str) -> str:
    """Replace commands in a text by the form that the user typed.

    They are written ``bsroformer separate`` in the text.
    """

    def called(match: re.Match[str]) -> str:
        folder = scripts_folder()
        if match[1] is None:
            return command_line(match[2])
        return match[0] if folder is None else f"{folder}{SCRIPT_NAMES[match[2]]}.py"

    return IN_TEXT.sub(called, text)


def command_name(command: str) -> str:
    """Return a command's name, or that of its script if the user runs scripts."""
    return command if scripts_folder() is None else SCRIPT_NAMES[command]


def program_line() -> str:
    """Return the program's own name for a shell, before the command."""
    return shlex.join(_program())


def scripts_folder() -> str | None:
    """Return the folder of the running script as typed, with its slash.

    None for other programs.
    """
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
    """Return the interpreter as typed, or ``python``."""
    typed = sys.orig_argv[0]
    is_typed = sys.argv[0] in sys.orig_argv or PROGRAM in sys.orig_argv
    return typed if is_typed and Path(typed).name.startswith("python") else "python"
