"""``bsroformer init FOLDER``: an editable copy of the configs."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bsroformer.atomic import writing
from bsroformer.cli.console import terminal
from bsroformer.errors import InputError
from bsroformer.installation import CONFIGS
from bsroformer.invocation import program_line

OF_A_CHECKOUT = ("benchmark.yaml", "what")
"""Configs of benchmarks, which only a checkout has."""
PURPOSE = """\
Write an editable copy of the configs into a new or empty folder. Commands read it in place of the program's own configs
with --config-path FOLDER, so that defaults can be changed without a checkout."""


def write_configs(words: Sequence[str]) -> None:
    """Copy the configs into the given folder, and print how to use them.

    Raises:
        InputError: If it names none or several, or the folder has files in it.
    """
    program = program_line()
    if set(words) & {"-h", "--help"}:
        print(f"Usage: {program} init FOLDER\n\n{PURPOSE}")
        return
    folders = [word for word in words if word != "--"]
    if len(folders) != 1:
        raise InputError(f"init takes one folder; write {program} init <folder>")
    folder = Path(folders[0]).expanduser()
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_empty:
        raise InputError(f"{folder} exists and is not an empty folder; give a new one")
    with writing(folder):
        shutil.copytree(CONFIGS, folder, ignore=shutil.ignore_patterns(*OF_A_CHECKOUT), dirs_exist_ok=True)
    _explain(folder, program)


def _explain(folder: Path, program: str) -> None:
    terminal().print(
        f"The configs are in {folder}. Edit them, and use them in place of the program's own:\n"
        f"  {program} train --config-path {folder} model=lite\n"
        f"Or keep only files of your own in a folder, such as {folder}/model/mine.yaml, and add it to the program's:\n"
        f"  {program} train --config-dir {folder} model=mine\n"
        "A file of --config-dir is not read if the program has one of the same name: the program's come first."
    )
