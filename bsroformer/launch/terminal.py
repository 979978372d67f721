"""How the scripts print."""

from rich.console import Console


def terminal(stderr: bool = False) -> Console:
    """A console that prints text as it is: brackets in a name are no markup, and no path is cut in two."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False)
