"""The exceptions that callers are to know: wrong input, with its remedy, and a wish to stop."""


class InputError(ValueError):
    """Bad input: a file, a folder or a configuration key that cannot be used as it is.

    The message is one clear sentence that names the file or key and says what to do. The scripts print it
    without a traceback and exit with status 2; callers of the Python API catch it as a ``ValueError``.
    """


class Cancelled(Exception):  # noqa: N818 (nothing is wrong)
    """The caller wanted no more."""
