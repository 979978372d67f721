"""Folders of the installed program and its configs."""

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent
"""The repository, if the program runs from a checkout: see `in_checkout`."""
INSTALLED_CONFIGS = PACKAGE / "configs"
"""The repository's ``configs/`` in an installed wheel."""
CONFIGS = INSTALLED_CONFIGS if INSTALLED_CONFIGS.is_dir() else CHECKOUT / "configs"


def in_checkout() -> bool:
    """Check whether the program runs from a checkout, not from a wheel."""
    return (CHECKOUT / "pyproject.toml").is_file()
