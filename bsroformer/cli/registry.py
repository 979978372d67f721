"""The commands: root config, function, and key of bare arguments."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from bsroformer.invocation import SCRIPT_NAMES, command_line, command_name


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: What the user types after ``bsroformer``.
        function: Name of the function that takes the checked configuration.
        summary: Its purpose in a line.
        positional: The key of bare arguments; None if there are none.
        actions: Values of ``action`` that may be given as the first bare argument.
        output: The key of ``-o``; None if the command writes nothing.
        shares_folder: Whether the processes of torchrun write into one folder.
        in_wheel: Whether the installed program has it, not only a checkout.
        fails_alone: Whether a sweep continues after a job that failed.
        returns_status: Whether the function returns the exit status of its job.
    """

    name: str
    function: str
    summary: str
    positional: str | None = None
    actions: tuple[str, ...] = ()
    output: str | None = "output"
    shares_folder: bool = False
    in_wheel: bool = True
    fails_alone: bool = False
    returns_status: bool = False

    @property
    def root(self) -> str:
        """The name of its file in ``configs/`` and ``scripts/``."""
        return SCRIPT_NAMES[self.name]

    @property
    def shown_name(self) -> str:
        """Its name in messages."""
        return command_name(self.name)

    @property
    def line(self) -> str:
        """The command as the user types it."""
        return command_line(self.name)

    @cached_property
    def module(self) -> ModuleType:
        """The module ``command.py`` of its folder; its imports take seconds."""
        folder = self.name.replace("-", "_")
        return importlib.import_module(f"bsroformer.cli.commands.{folder}.command")

    @property
    def call(self) -> Callable[..., object]:
        """The function that takes the checked configuration."""
        function: Callable[..., object] = getattr(self.module, self.function)
        return function


COMMANDS = {
    command.name: command
    for command in (
        Command("train", "train", "Train a model.", output="paths.output_dir", shares_folder=True, fails_alone=True),
        Command("separate", "separate", "Separate songs into their stems.", positional="input", returns_status=True),
        Command(
            "evaluate",
            "evaluate",
            "Score separated stems against the true ones.",
            positional="ckpt",
            shares_folder=True,
        ),
        Command(
            "prepare",
            "prepare",
            "Pack, check or label songs for training, or preview augmentation.",
            actions=("pack", "check", "preview", "label"),
        ),
        Command("studio", "app", "Separate songs on a page in the browser.", positional="ckpt"),
        Command(
            "checkpoint",
            "checkpoint",
            "Inspect a checkpoint, write it in another form, or publish it.",
            positional="ckpt",
            actions=("inspect", "convert", "export", "strip", "average", "merge", "card", "publish"),
        ),
        Command("check-gpu", "check_gpu", "Report the GPU, and whether a training fits its memory.", output=None),
        Command("benchmark", "benchmark", "Measure this program against others.", in_wheel=False),
    )
}
INSTALLED = {name: command for name, command in COMMANDS.items() if command.in_wheel}
"""The commands of ``bsroformer``; the others are scripts of a checkout."""
OTHER_COMMANDS = {
    "init": "Write an editable copy of the configs into a folder.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""The commands that take no configuration."""


def find_command(word: str) -> Command | None:
    """Find a command by its own or its script's name, with dashes or underscores."""
    name = word.replace("-", "_")
    for command in INSTALLED.values():
        if name in (command.name.replace("-", "_"), command.root):
            return command
    return None
