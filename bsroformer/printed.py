"""The log of what a training prints: it goes into ``train.log`` and not back to the terminal."""

import logging

PRINTED = logging.getLogger("bsroformer.printed")
"""Its handlers are the run folder's alone."""
PRINTED.addHandler(logging.NullHandler())  # or warnings would go to stderr
PRINTED.propagate = False
PRINTED.setLevel(logging.INFO)
