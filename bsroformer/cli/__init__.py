"""The command line: shell arguments, checked and passed to Hydra.

Importing this package is cheap: Hydra, PyTorch and Lightning are imported when a command needs them.
"""

from bsroformer.cli.main import run

__all__ = ["run"]
