"""Exit statuses of the program."""

EXIT_FAILED = 1
"""A check or some jobs failed."""
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
"""The status that a shell gives a program that Ctrl-C stopped."""
