"""Versions, command line and git checkout that a result was made with."""

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig

import bsroformer

SECRET = re.compile(r"^([\w.@+~/]*(?:key|token|secret|password)[\w.]*)=.*", re.IGNORECASE | re.DOTALL)
SOURCE = Path(bsroformer.__file__).parent
TIMEOUT_S = 10.0
"""Seconds that git may take, for instance on a network drive."""
MAX_PATCH_BYTES = 2**20
"""Size at which a patch is cut."""


def program_facts() -> dict[str, Any]:
    """Collect the versions, the platform and the command line."""
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "bsroformer": bsroformer.__version__,
        "torch": torch.__version__,
        "lightning": version("lightning"),
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": shlex.join(without_secrets(sys.argv)),
        "overrides": without_secrets(HydraConfig.get().overrides.task) if HydraConfig.initialized() else [],
    }


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Command line arguments, without the values of keys that look like secrets."""
    return [SECRET.sub(r"\1=...", argument) for argument in arguments]


@dataclass(frozen=True)
class GitState:
    """The checkout of the program's source.

    Attributes:
        commit: Its hash.
        branch: Its name; None if a commit was checked out by itself.
        dirty: Whether files were changed since, or are new and not ignored.
        changes: The changes to files that git knows, as ``git diff`` prints them.
    """

    commit: str
    branch: str | None
    dirty: bool
    changes: str


def git_state(folder: Path = SOURCE) -> GitState | None:
    """Return the state of the checkout that holds a package's folder.

    None if git does not know the folder, or is not installed.
    """
    if git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:  # installed, though within a checkout
        return None
    commit = git(folder, "rev-parse", "HEAD")
    status = git(folder, "status", "--porcelain")
    if commit is None or status is None:
        return None
    branch = git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    changes = git(folder, "diff", "HEAD", "--no-ext-diff", "--no-color") or ""
    return GitState(commit.strip(), branch and branch.strip(), bool(status.strip()), bounded(changes))


def bounded(changes: str) -> str:
    """Cut a long patch, and note that."""
    data = changes.encode()
    if len(data) <= MAX_PATCH_BYTES:
        return changes
    return data[:MAX_PATCH_BYTES].decode("utf-8", "ignore") + "\n(and more: the patch was too large to keep)\n"


def git(folder: Path, *arguments: str) -> str | None:
    """Return git's output; None if it fails, takes too long or is not installed."""
    unlocked = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # so that a commit made meanwhile does not fail
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=unlocked, capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
