"""Report user errors: one sentence, a non-zero exit status, no traceback."""

import functools
import re
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hydra.errors import (
    ConfigCompositionException,
    InstantiationException,
    OverrideParseException,
    SearchPathException,
)
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.text import Text

from bsroformer.cli.console import terminal
from bsroformer.cli.exit_status import EXIT_INTERRUPTED, EXIT_USER_ERROR
from bsroformer.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
WORKER_TRACEBACK = re.compile(r"Caught \w+ in DataLoader worker process .*\n[\w.]+: ", re.DOTALL)
"""PyTorch's text before the message of an error in a worker process."""
COMPOSITION_ERRORS = (ConfigCompositionException, OverrideParseException, SearchPathException)
"""Errors of Hydra before a command starts."""
USER_ERRORS = (InputError, InstantiationException, OmegaConfBaseException, *COMPOSITION_ERRORS)
OUT_OF_MEMORY = (
    "the memory is full; lower the batch size (data.batch_size, batch_size) or the excerpt (data.seconds, "
    "chunk_seconds), or close other programs"
)


def is_user_error(error: Exception) -> bool:
    """Return whether the user can fix an error.

    Lightning's configuration errors count too; Lightning is not imported to check them.
    """
    lightning = sys.modules.get("lightning.pytorch.utilities.exceptions")
    known = USER_ERRORS if lightning is None else (*USER_ERRORS, lightning.MisconfigurationException)
    return isinstance(error, known) or _out_of_memory(error)


def _out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out.

    PyTorch's errors are recognised only if PyTorch is imported.
    """
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from bsroformer.devices import out_of_memory

    return out_of_memory(error)


def one_sentence(error: Exception) -> str:
    """Describe an error that the input caused."""
    if isinstance(error, MissingMandatoryValue):
        return f"the key {error.full_key} has no value; give it on the command line as {error.full_key}=..."
    if isinstance(error, OmegaConfBaseException):
        return f"the configuration's key {error.full_key} is wrong: {str(error).splitlines()[0]}"
    if isinstance(error, InstantiationException):
        key = str(error).rpartition("full_key: ")[2]
        return f"{key} cannot be set up as configured: {error.__cause__ or error}"
    if _out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, COMPOSITION_ERRORS):
        return composition_error(error)
    return WORKER_TRACEBACK.sub("", str(error))


def composition_error(error: Exception) -> str:
    """Extract the reason from an error of Hydra's composition.

    The advice, keys and search path that follow it are dropped.
    """
    chain = (error,) if error.__cause__ is None else (error, error.__cause__)
    reasons = [str(each).strip().partition("\n")[0] for each in chain]
    return ": ".join(filter(None, reasons))


def user_errors(script: Callable[P, R]) -> Callable[P, R]:
    """Report user errors in a sentence and exit with status 2.

    Any other error is a bug and shows its traceback.
    """

    @functools.wraps(script)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return script(*args, **kwargs)
        except KeyboardInterrupt:
            terminal(stderr=True).print("Stopped.")
            sys.exit(EXIT_INTERRUPTED)
        except Exception as error:
            if not is_user_error(error):
                raise
            report(error)
            sys.exit(EXIT_USER_ERROR)

    return guarded


def report(error: Exception) -> None:
    """Print an error that the input caused to standard error."""
    sentence = " ".join(one_sentence(error).split())
    terminal(stderr=True).print(Text("error:", "bold red"), sentence)
