"""Prepare songs for training, check them, or hear them augmented: ``bsroformer prepare``."""

import sys

from bsroformer.launch.checking import check
from bsroformer.launch.packing import pack
from bsroformer.launch.preview import preview
from bsroformer.launch.schemas.prepare import PrepareConfig
from bsroformer.launch.terminal import terminal

ACTIONS = {"pack": pack, "check": check, "preview": preview}


def prepare(cfg: PrepareConfig) -> None:
    """Do what ``action`` names, and exit with a status other than 0 if something is wrong with a song."""
    if status := ACTIONS[cfg.action](cfg, terminal()):
        sys.exit(status)
