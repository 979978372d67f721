"""The program ``bsroformer``: find the command of the first word, and run it."""

import platform
import sys
from collections.abc import Callable
from typing import ParamSpec

import bsroformer
from bsroformer.cli import flags
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.cli.registry import COMMANDS, INSTALLED, OTHER_COMMANDS, Command, find_command
from bsroformer.cli.suggestions import did_you_mean
from bsroformer.errors import InputError
from bsroformer.invocation import program_line

P = ParamSpec("P")
VERSION = ("--version", "-V")


def main() -> None:
    """Run the program with the arguments of this process."""
    program, *words = sys.argv
    first = words[0] if words else "--help"
    if first == "__complete":
        _complete(words[1:])
    elif first in flags.HELP and len(words) < 2:
        _print_overview()
    elif first in VERSION:
        print(version_line())
    else:
        _reporting_errors(_run_command, program, first, words[1:])


def run(name: str) -> None:
    """Run a command of ``scripts/`` with the arguments of this process."""
    script, *words = sys.argv
    _reporting_errors(_run_or_explain, COMMANDS[name], words, [script])


def _run_command(program: str, first: str, words: list[str]) -> None:
    command = find_command(first)
    if command is not None:
        _run_or_explain(command, words, [program, command.name])
    elif first == "init":
        from bsroformer.cli.init import write_configs

        write_configs(words)
    elif first == "completion":
        from bsroformer.cli.completion_scripts import print_script

        print_script(words)
    elif first == "help" and words:
        _run_command(program, words[0], ["--help"])
    elif first == "help":
        _print_overview()
    else:
        raise InputError(_unknown(first))


def _run_or_explain(command: Command, words: list[str], argv: list[str]) -> None:
    """Run a command, or print its help or the version where that is asked for."""
    given = flags.before_files(words)
    if "--version" in given:
        print(version_line())
    elif any(word in flags.OWN_HELP for word in given):
        from bsroformer.cli.command_help import print_help

        print_help(command, given)
    else:
        from bsroformer.cli.runner import run as run_command

        run_command(command.name, words, argv)


def _unknown(word: str) -> str:
    program = program_line()
    if word.startswith("-"):
        return f"unknown option {word}; write {program} <command> {word}, and see {program} --help"
    suggestion = did_you_mean(word, (*INSTALLED, *OTHER_COMMANDS, "help"))
    advice = f"`{program} --help` lists the commands"
    return f"unknown command {word}; {suggestion or advice}"


def _print_overview() -> None:
    from bsroformer.cli.command_help import print_overview

    print_overview()


def _complete(words: list[str]) -> None:
    from bsroformer.cli.completion import print_completions

    print_completions(words)


def _reporting_errors(function: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
    """Call a function, and report a user error with status 2."""
    try:
        function(*arguments, **named)
    except InputError as error:
        from rich.text import Text

        from bsroformer.cli.console import terminal

        terminal(stderr=True).print(Text("error:", "bold red"), str(error))
        sys.exit(EXIT_USER_ERROR)


def version_line() -> str:
    """The versions of this program, PyTorch and Python."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "missing"
    return f"bsroformer {bsroformer.__version__} (PyTorch {torch}, Python {platform.python_version()})"
