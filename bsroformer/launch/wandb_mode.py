"""Weights & Biases without an account."""

import netrc
import os
from urllib.parse import urlsplit


def use_wandb_offline_without_key() -> bool:
    """Make Weights & Biases log offline where nobody is logged in; returns whether it will.

    To be called before `wandb` is imported, which reads its environment then.
    """
    if "WANDB_MODE" not in os.environ and not _has_key():
        os.environ["WANDB_MODE"] = "offline"
    return os.environ.get("WANDB_MODE") == "offline"


def _has_key() -> bool:
    """Whether there is a key in the environment, or where `wandb login` leaves it: ``~/.netrc``, or NETRC."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        return host in netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False
