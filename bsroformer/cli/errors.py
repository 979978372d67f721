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
from bsroformer.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
STATUS = 2
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended
OF_A_WORKER = re.compile(r"Caught \w+ in DataLoader worker process .*\n[\w.]+: ", re.DOTALL)
"""What PyTorch puts before the message of an error in a process that reads: a traceback of that process."""
COMPOSITION = (ConfigCompositionException, OverrideParseException, SearchPathException)
"""What Hydra refuses before a script begins."""
MENDABLE = (InputError, InstantiationException, OmegaConfBaseException, *COMPOSITION)
OUT_OF_MEMORY = (
    "the memory is full: lower data.batch_size or batch_size, data.seconds or chunk_seconds, whichever there is, "
    "or close other programs"
)


def mendable(error: Exception) -> bool:
    """Return whether the user can fix an error.

    Lightning's configuration errors count too; Lightning is not imported to check them.
    """
    lightning = sys.modules.get("lightning.pytorch.utilities.exceptions")
    known = MENDABLE if lightning is None else (*MENDABLE, lightning.MisconfigurationException)
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
        return f"the key {error.full_key} has no value: give it on the command line as {error.full_key}=..."
    if isinstance(error, OmegaConfBaseException):
        return f"the configuration's key {error.full_key} is wrong: {str(error).splitlines()[0]}"
    if isinstance(error, InstantiationException):
        key = str(error).rpartition("full_key: ")[2]
        return f"{key} cannot be set up as configured: {error.__cause__ or error}"
    if _out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, COMPOSITION):
        return composition_error(error)
    return OF_A_WORKER.sub("", str(error))


def composition_error(error: Exception) -> str:
    """Extract the reason from an error of Hydra's composition.

    The advice, keys and search path that follow it are dropped.
    """
    reasons = [str(each).strip().partition("\n")[0] for each in (error, error.__cause__) if each is not None]
    return ": ".join(reason for reason in reasons if reason)


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
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not mendable(error):
                raise
            report(error)
            sys.exit(STATUS)

    return guarded


def report(error: Exception) -> None:
    """Print an error that the input caused to standard error."""
    sentence = " ".join(one_sentence(error).split())
    terminal(stderr=True).print(Text("error:", "bold red"), sentence)
