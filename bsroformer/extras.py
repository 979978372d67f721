"""Optional packages: how to install an extra of this program, the way the program itself was installed."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def install_command(extra: str) -> str:
    """The command that installs an extra of ``pyproject.toml``.

    A checkout is installed again with its extra. Elsewhere the extra's packages are named: the program is on no index.
    """
    if (CHECKOUT / "pyproject.toml").is_file():
        place = "." if Path.cwd() == CHECKOUT else str(CHECKOUT)
        return f'pip install -e "{place}[{extra}]"'
    packages = extra_packages(extra)
    return "pip install " + " ".join(f'"{package}"' for package in packages)


def extra_packages(extra: str) -> list[str]:
    """The requirements of an extra, from the metadata of the installed program."""
    try:
        needs = requires("bsroformer") or []
    except PackageNotFoundError:
        return []
    marker = re.compile(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    parts = [need.partition(";") for need in needs]
    return [package.strip() for package, _, condition in parts if marker.search(condition)]
