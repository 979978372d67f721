"""Versions and command line that a result was made with."""

import platform
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig

from bsroformer import __version__

SECRET = re.compile(r"^([\w.@+~/]*(?:key|token|secret|password)[\w.]*)=.*", re.IGNORECASE | re.DOTALL)


def program_facts() -> dict[str, Any]:
    """Collect the versions, the platform and the command line."""
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "bsroformer": __version__,
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
