"""How a script ends when it cannot do what it was asked: one sentence, a non-zero status, no traceback."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.console import Console
from rich.markup import escape

from bsroformer.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
STATUS = 2


def one_sentence(error: Exception) -> str:
    """What to tell the user about an error that the input caused."""
    if isinstance(error, MissingMandatoryValue):
        return f"the key {error.full_key} has no value: give it on the command line as {error.full_key}=..."
    if isinstance(error, OmegaConfBaseException):
        return f"the configuration's key {error.full_key} is wrong: {str(error).splitlines()[0]}"
    return " ".join(str(error).split())


def user_errors(script: Callable[P, R]) -> Callable[P, R]:
    """Print errors that the user can mend as one sentence and exit with status 2; let bugs show their traceback."""

    @functools.wraps(script)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return script(*args, **kwargs)
        except (InputError, MisconfigurationException, OmegaConfBaseException) as error:
            console = Console(stderr=True, soft_wrap=True, highlight=False)
            console.print("[bold red]error:[/]", escape(one_sentence(error)))
            sys.exit(STATUS)

    return guarded
