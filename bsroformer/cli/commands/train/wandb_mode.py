"""Weights & Biases without an account."""

import netrc
import os
import sys
from collections.abc import Container
from pathlib import Path
from urllib.parse import urlsplit

from bsroformer.cli.schemas.components import Component


def use_wandb_offline_without_key() -> bool:
    """Log offline and silently without a Weights & Biases key; return whether offline.

    Call this before importing `wandb`, which reads its environment at import.
    """
    if not os.environ.get("WANDB_MODE") and not _has_key():
        os.environ["WANDB_MODE"] = "offline"
    offline = os.environ.get("WANDB_MODE") == "offline"
    if offline:
        os.environ.setdefault("WANDB_SILENT", "true")  # the program prints how to sync
    os.environ.setdefault("WANDB_CONSOLE", "off")  # it would copy every redrawn progress bar
    return offline


def logs_to_wandb(logger: Component | None) -> bool:
    """Return whether a logger is that of Weights & Biases."""
    return logger is not None and "wandb" in logger.target.lower()


def wandb_run(folder: Path) -> str | None:
    """Return the id of the run logged from a folder, to resume it; None if none."""
    runs = sorted((folder / "wandb").glob("*run-*-*"), key=lambda path: path.name.partition("run-")[2])
    return runs[-1].name.partition("run-")[2].partition("-")[2] if runs else None  # run-<time>-<id>


def finish_wandb() -> None:
    """Finish the open run, if any."""
    wandb = sys.modules.get("wandb")
    if wandb:
        wandb.finish()


def _has_key() -> bool:
    """Return whether a key is in the environment or in netrc.

    `wandb login` writes it to ``~/.netrc``, or to the file that NETRC names.
    """
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    files = filter(None, (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"))  # the last on Windows
    return any(host in _hosts(Path(file).expanduser()) for file in files)


def _hosts(path: Path) -> Container[str | None]:
    """Return the hosts of a netrc file; empty if it cannot be read."""
    try:
        return netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError):
        return ()
