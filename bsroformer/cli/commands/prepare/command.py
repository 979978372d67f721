"""Prepare songs for training, check them, or hear them augmented: ``bsroformer prepare``."""

import sys

from bsroformer.cli.commands.prepare.check import check
from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.commands.prepare.pack import pack
from bsroformer.cli.commands.prepare.preview import preview
from bsroformer.cli.console import terminal

ACTIONS = {"pack": pack, "check": check, "preview": preview}


def prepare(cfg: PrepareConfig) -> None:
    """Do what ``action`` names, and exit with a status other than 0 if something is wrong with a song."""
    if status := ACTIONS[cfg.action](cfg, terminal()):
        sys.exit(status)
