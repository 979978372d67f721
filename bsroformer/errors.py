"""Public exceptions: invalid input, and a cancelled separation."""


class InputError(ValueError):
    """Invalid input: a file, a folder or a configuration key.

    The message is one sentence that names the file or key and the remedy. The scripts print it
    without a traceback and exit with status 2; callers of the Python API catch it as a ``ValueError``.
    """


class Cancelled(Exception):  # noqa: N818 (it is no error)
    """The caller cancelled a separation."""
