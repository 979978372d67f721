"""Prepare songs for training, check them, or hear them augmented: ``bsroformer prepare``."""

import sys

from omegaconf import DictConfig

from bsroformer.errors import InputError
from bsroformer.launch.checking import check
from bsroformer.launch.config import prepared, word
from bsroformer.launch.errors import user_errors
from bsroformer.launch.packing import pack
from bsroformer.launch.preview import preview
from bsroformer.launch.terminal import terminal

ACTIONS = {"pack": pack, "check": check, "preview": preview}


@user_errors
def prepare(cfg: DictConfig) -> None:
    """Do what ``action`` says, and exit with a status other than 0 if something is wrong with a song.

    Args:
        cfg: ``configs/prepare.yaml``, composed.
    """
    cfg = prepared(cfg)
    action = word(cfg, "action")
    if action not in ACTIONS:
        raise InputError(f"action={action} is none of {', '.join(ACTIONS)}")
    if status := ACTIONS[action](cfg, terminal()):
        sys.exit(status)
