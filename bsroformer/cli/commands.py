"""The commands: their root config, what they call, and what a bare argument means to them."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: Also the root config's in ``configs/``, and the module's in ``bsroformer/launch/``.
        function: What the module calls the function that takes the checked configuration.
        positional: The key of bare arguments; None if there are none.
        actions: Values of ``action`` that may be given as the first bare argument.
        shares_folder: Whether the processes of torchrun write into one folder.
        fails_alone: Whether a sweep continues after a job that failed.
    """

    name: str
    function: str
    positional: str | None = None
    actions: tuple[str, ...] = ()
    shares_folder: bool = False
    fails_alone: bool = False

    @cached_property
    def module(self) -> ModuleType:
        """What does the work; its imports take seconds."""
        return importlib.import_module(f"bsroformer.launch.{self.name}")

    @property
    def call(self) -> Callable[..., object]:
        """Takes the checked configuration."""
        function: Callable[..., object] = getattr(self.module, self.function)
        return function

    def exit_status(self) -> int:
        """The status after all jobs: some commands continue after a failure and report it here."""
        status: Callable[[], int] = getattr(self.module, "exit_status", lambda: 0)
        return status()


COMMANDS = {
    command.name: command
    for command in (
        Command("train", "train", shares_folder=True, fails_alone=True),
        Command("eval", "evaluate", shares_folder=True),
        Command("separate", "separate", positional="input"),
        Command("app", "app"),
        Command("prepare", "prepare", actions=("pack", "check", "preview")),
        Command(
            "checkpoint",
            "checkpoint",
            positional="ckpt",
            actions=("inspect", "convert", "export", "strip", "average"),
        ),
        Command("check_gpu", "check_gpu"),
        Command("benchmark", "benchmark"),
    )
}
