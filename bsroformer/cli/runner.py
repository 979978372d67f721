"""Run a command from the words of a command line."""

import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from bsroformer.cli import flags
from bsroformer.cli.exit_status import EXIT_INTERRUPTED
from bsroformer.cli.registry import COMMANDS, Command

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from bsroformer.cli.arguments import Arguments
    from bsroformer.cli.composition import Composer


def run(name: str, words: list[str], argv: list[str]) -> None:
    """Run a command; exit with 2 after a user error, with 130 after Ctrl-C.

    Ctrl-C works during imports too.

    Args:
        name: Name of the command.
        words: The words after the command.
        argv: The words that start it: the script, or the program and the command's name.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and in_main_thread():
        signal.signal(signal.SIGINT, _stop_at_once)
    try:
        from bsroformer.cli.errors import user_errors

        user_errors(_run)(COMMANDS[name], words, argv)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    finally:
        _interrupt_as_usual()


def in_main_thread() -> bool:
    """Return whether signals can be handled here."""
    return threading.current_thread() is threading.main_thread()


def _stop_at_once(*_: object) -> None:
    """End the process during imports.

    Libraries turn an interrupt of their import into errors of other kinds.
    """
    sys.stderr.write("Stopped.\n")
    sys.stderr.flush()
    os._exit(EXIT_INTERRUPTED)


def _interrupt_as_usual() -> None:
    if signal.getsignal(signal.SIGINT) is _stop_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Task:
    """The job that Hydra calls; it can be pickled for another process.

    Attributes:
        command: The command.
        argv: The command line that restarts it, for processes of other devices and for the record of a run.
        statuses: Exit statuses of the jobs in this process: a sweep continues after a job with failed songs.
    """

    command: Command
    argv: tuple[str, ...]
    statuses: list[int] = field(default_factory=list, compare=False)

    def __call__(self, cfg: "DictConfig") -> object:
        """Check the configuration, and run the command with it."""
        from bsroformer.cli.commands.train.sweep.sweep_job import sweep_job
        from bsroformer.cli.errors import user_errors

        sys.argv = list(self.argv)
        run = sweep_job(self.run) if self.command.fails_alone else self.run
        return user_errors(run)(cfg)

    def run(self, cfg: "DictConfig") -> object:
        """Check the configuration and call the command.

        The command's own keys are checked before its imports, the arguments of its components after them.
        """
        from bsroformer.cli.validation import configuration, prepared

        config = configuration(self.command.root, cfg)
        function = self.command.call
        _interrupt_as_usual()
        result = function(prepared(config))
        if self.command.returns_status and isinstance(result, int):
            self.statuses.append(result)
        return result


def _run(command: Command, words: list[str], argv: list[str]) -> None:
    if not any(word in flags.COMPLETION for word in words):
        words = checked(command, words)
    try:
        status = _start(command, words, argv)
    finally:
        sys.argv = [*argv, *words]
    if status:
        sys.exit(status)


def checked(command: Command, words: list[str]) -> list[str]:
    """Check the words of a command line, and return them as Hydra reads them.

    Raises:
        InputError: If they are not in the grammar, or name an unknown key or choice.
    """
    from bsroformer.cli.composition import Composer
    from bsroformer.cli.config_classes import moved_callbacks
    from bsroformer.cli.key_check import check
    from bsroformer.cli.torchrun import in_one_folder

    composer = Composer(command.root, flags.before_files(words))
    arguments, overrides = read(command, composer, words)
    flags.check(arguments.flags)
    check(command, composer, overrides, arguments.sweep)
    overrides += moved_callbacks(composer.compose([]))
    if command.shares_folder:
        overrides = in_one_folder(overrides)
    return [*flags.with_absolute_folders(arguments.flags), *overrides]


def read(command: Command, composer: "Composer", words: list[str]) -> tuple["Arguments", list[str]]:
    """Sort the words of a command line, and write its overrides for Hydra."""
    from bsroformer.cli.arguments import Reader
    from bsroformer.cli.composition import all_keys, has_key, is_nullable
    from bsroformer.cli.config_tree import read_config_tree
    from bsroformer.cli.hydra_values import HydraValues

    @cache
    def tree() -> "DictConfig":
        return composer.compose([])

    @cache
    def keys() -> list[str]:
        return [*all_keys(tree()), *(str(group) for group in tree().hydra.runtime.choices)]

    @cache
    def switches() -> set[str]:
        return read_config_tree(composer.name, composer.folders).switches

    arguments = Reader(command, keys, switches).read(words)
    values = HydraValues(
        command,
        refers=lambda key: has_key(tree(), key),
        nullable=lambda key: is_nullable(tree(), key),
        sweep=arguments.sweep,
    )
    return arguments, values.overrides(arguments)


def _start(command: Command, words: list[str], argv: list[str]) -> int:
    """Let Hydra compose the configuration and run the jobs; return their exit status."""
    import hydra

    from bsroformer.cli.composition import VERSION_BASE
    from bsroformer.installation import CONFIGS

    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # raise errors instead of printing them; they are reported here
    task = Task(command, (*argv, *words))
    sys.argv = [argv[0], *words]  # where Hydra looks for them
    hydra.main(version_base=VERSION_BASE, config_path=str(CONFIGS), config_name=command.root)(task)()
    return max(task.statuses, default=0)
