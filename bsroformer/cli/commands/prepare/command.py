"""Pack, check, preview or label songs for training: ``bsroformer prepare``."""

import sys

from bsroformer.cli.commands.prepare.check import check
from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.commands.prepare.label import label
from bsroformer.cli.commands.prepare.pack import pack
from bsroformer.cli.commands.prepare.preview import preview
from bsroformer.cli.console import terminal

ACTIONS = {"pack": pack, "check": check, "preview": preview, "label": label}


def prepare(cfg: PrepareConfig) -> None:
    """Run the ``action``; exit with its status if that is not 0."""
    status = ACTIONS[cfg.action](cfg, terminal())
    if status:
        sys.exit(status)
