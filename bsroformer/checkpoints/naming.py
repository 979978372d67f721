"""What to call models that are known by their files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

GENERAL = ("best", "last", "previous", "average", "model", "checkpoints")
"""Names of files and folders that say nothing of the model: the run's folder does."""


def name_of(paths: Sequence[str]) -> str:
    """What to call a model, or the average of several: its file, or its run's folder where all files are called alike.

    Args:
        paths: Of its checkpoints, in order; files, or addresses such as ``hf://owner/repository/file[@revision]``.
    """
    return next(iter(_telling(paths[0])), "model") + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def unique_names(paths: Iterable[str]) -> dict[str, str]:
    """What to call each of several models: path -> name, with more of the path where two would be called alike.

    Args:
        paths: A checkpoint of each.
    """
    ways = {path: _ways(path) for path in paths}
    while alike := _repeated(names[0] for names in ways.values()):
        ways = {path: names[1:] if names[0] in alike and names[1:] else names for path, names in ways.items()}
    return {path: names[0] for path, names in ways.items()}


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _ways(path: str) -> list[str]:
    """Names for a model, each saying more than the one before: its own, with its file's, with more folders, all."""
    telling, file = _telling(path), _local(path)
    with_file = file.name if file.stem not in GENERAL else "/".join([*telling[:1], file.name])
    return [name_of([path]), with_file, *("/".join(telling[n::-1]) for n in range(1, len(telling))), path]


def _telling(path: str) -> list[str]:
    """The parts of a path that say something of the model, the last first."""
    file = _local(path)
    return [part for part in (file.stem, *(parent.name for parent in file.parents)) if part and part not in GENERAL]


def _local(path: str) -> Path:
    return Path(path.partition("@")[0] if "://" in path else path).absolute()
