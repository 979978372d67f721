"""Names for models that are known by their files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.run_folder import CHECKPOINTS

GENERIC_NAMES = ("best", "last", "previous", "average", "model", "checkpoints")
"""Names of files and folders that do not identify a model; the run's folder does."""


def name_model(paths: Sequence[str]) -> str:
    """Name a model, or the average of several, by its file or its run's folder.

    Args:
        paths: Paths of its checkpoints, in order; files, or addresses such as ``hf://owner/repository/file[@revision]``.
    """
    parts = _specific_parts(paths[0])
    name = parts[0] if parts else "model"
    if len(paths) > 1:
        return f"{name} and {len(paths) - 1} more"
    return name


def public_name(reference: str | Path) -> str:
    """Name a checkpoint without the folders of this machine, except for that of its run."""
    if is_on_hub(reference):
        return str(reference)
    path = Path(reference)
    if path.parent.name == CHECKPOINTS and path.parent.parent.name:
        return f"{path.parent.parent.name}/{path.name}"
    return path.name


def unique_names(paths: Iterable[str]) -> dict[str, str]:
    """Name several models, with more of the path where names repeat.

    Args:
        paths: A checkpoint of each.

    Returns:
        The name of each path.
    """
    candidates = {path: _candidate_names(path) for path in paths}
    repeated = _repeated(names[0] for names in candidates.values())
    while repeated:
        for path, names in candidates.items():
            if names[0] in repeated and len(names) > 1:
                candidates[path] = names[1:]
        repeated = _repeated(names[0] for names in candidates.values())
    return {path: names[0] for path, names in candidates.items()}


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _candidate_names(path: str) -> list[str]:
    """List names for a model, from its own to the whole path."""
    parts = _specific_parts(path)
    file = _local(path)
    with_file = file.name
    if file.stem in GENERIC_NAMES:
        with_file = "/".join([*parts[:1], file.name])
    with_folders = ("/".join(parts[n::-1]) for n in range(1, len(parts)))
    return [name_model([path]), with_file, *with_folders, path]


def _specific_parts(path: str) -> list[str]:
    """List the parts of a path that identify the model, from the last to the first."""
    file = _local(path)
    parts = (file.stem, *(parent.name for parent in file.parents))
    return [part for part in parts if part and part not in GENERIC_NAMES]


def _local(path: str) -> Path:
    if "://" in path:
        path = path.partition("@")[0]
    return Path(path).absolute()
