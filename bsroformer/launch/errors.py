"""How a script ends when it cannot do what it was asked: one sentence, a non-zero status, no traceback."""

import functools
import re
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hydra.errors import InstantiationException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from rich.text import Text

from bsroformer.devices import out_of_memory
from bsroformer.errors import InputError
from bsroformer.launch.terminal import terminal

P = ParamSpec("P")
R = TypeVar("R")
STATUS = 2
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended
OF_A_WORKER = re.compile(r"Caught \w+ in DataLoader worker process .*\n[\w.]+: ", re.DOTALL)
"""What PyTorch puts before the message of an error in a process that reads: a traceback of that process."""
MENDABLE = (InputError, InstantiationException, OmegaConfBaseException)
OUT_OF_MEMORY = (
    "the memory is full: lower data.batch_size or batch_size, data.seconds or chunk_seconds, whichever there is, "
    "or close other programs"
)


def mendable(error: Exception) -> bool:
    """Whether the user can mend an error; what Lightning refuses is among them, but not a reason to import it."""
    lightning = sys.modules.get("lightning.pytorch.utilities.exceptions")
    known = MENDABLE if lightning is None else (*MENDABLE, lightning.MisconfigurationException)
    return isinstance(error, known) or out_of_memory(error)


def one_sentence(error: Exception) -> str:
    """What to tell the user about an error that the input caused."""
    if isinstance(error, MissingMandatoryValue):
        return f"the key {error.full_key} has no value: give it on the command line as {error.full_key}=..."
    if isinstance(error, OmegaConfBaseException):
        return f"the configuration's key {error.full_key} is wrong: {str(error).splitlines()[0]}"
    if isinstance(error, InstantiationException):
        key = str(error).rpartition("full_key: ")[2]
        return f"{key} cannot be set up as configured: {error.__cause__ or error}"
    if out_of_memory(error):
        return OUT_OF_MEMORY
    return OF_A_WORKER.sub("", str(error))


def user_errors(script: Callable[P, R]) -> Callable[P, R]:
    """Tell errors that the user can mend in a sentence and exit with status 2; a bug shows its traceback."""

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
    """Tell of an error that the input caused, on the standard error."""
    sentence = " ".join(one_sentence(error).split())
    terminal(stderr=True).print(Text("error:", "bold red"), sentence)
