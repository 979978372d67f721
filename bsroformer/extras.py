"""Commands that install an extra, by the way the program was installed."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bsroformer.installation import CHECKOUT, in_checkout

NAME = "bsroformer"
DIRECT_URL = "direct_url.json"
"""File in which pip records the source of a distribution (PEP 610)."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra of ``pyproject.toml``.

    A checkout is reinstalled with its extra, and a wheel from its source. If that is unknown or deleted, the command
    names the extra's packages, since no index has the program itself.
    """
    if in_checkout():
        folder = "." if Path.cwd() == CHECKOUT else str(CHECKOUT)
        return f'pip install -e "{folder}[{extra}]"'
    source = installed_from()
    if source is not None:
        return f'pip install "{NAME}[{extra}] @ {source}"'
    return "pip install " + " ".join(f'"{package}"' for package in extra_packages(extra))


def installed_from() -> str | None:
    """Return the URL that this program was installed from, as pip takes it.

    None if unknown or deleted.
    """
    try:
        text = distribution(NAME).read_text(DIRECT_URL)
    except PackageNotFoundError:
        return None
    return None if text is None else requirement_url(text)


def requirement_url(direct_url: str) -> str | None:
    """Return the URL in the text of a ``direct_url.json``.

    None for a missing file or folder.
    """
    found = json.loads(direct_url)
    url = str(found["url"])
    vcs = found.get("vcs_info")
    if vcs is not None:
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    parts = urlsplit(url)
    exists = parts.scheme != "file" or Path(unquote(parts.path)).exists()
    return url if exists else None


def extra_packages(extra: str) -> list[str]:
    """Return the requirements of an extra, from the metadata of the installed program."""
    try:
        requirements = distribution(NAME).requires or []
    except PackageNotFoundError:
        return []
    marker = re.compile(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    parts = [requirement.partition(";") for requirement in requirements]
    return [package.strip() for package, _, condition in parts if marker.search(condition)]
