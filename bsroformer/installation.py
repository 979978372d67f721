"""Where the program is installed, with the configs that come with it."""

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent
"""The repository, if the program runs from one: see `in_checkout`."""
INSTALLED_CONFIGS = PACKAGE / "configs"
"""Where the wheel puts the repository's ``configs/``."""
CONFIGS = INSTALLED_CONFIGS if INSTALLED_CONFIGS.is_dir() else CHECKOUT / "configs"


def in_checkout() -> bool:
    """Whether the program runs from a checkout of the repository, not from an installed wheel."""
    return (CHECKOUT / "pyproject.toml").is_file()
