"""Logger of a training's output, for ``train.log`` only."""

import logging

PRINTED = logging.getLogger("bsroformer.printed")
"""Its handlers are the run folder's alone."""
PRINTED.addHandler(logging.NullHandler())  # or warnings would go to stderr
PRINTED.propagate = False
PRINTED.setLevel(logging.INFO)
