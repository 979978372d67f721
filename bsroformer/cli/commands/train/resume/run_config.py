"""The configuration of a run to resume.

It is read from the run's folder as data, completed, and changed by the command line.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.resume.trusted_classes import config_folders, with_known_classes
from bsroformer.cli.dotted_keys import MISSING, at, has, keys, put, remove
from bsroformer.cli.resolved_config import CONFIG_FILE
from bsroformer.cli.schemas.arguments import parameters
from bsroformer.cli.schemas.components import TARGET
from bsroformer.cli.schemas.schema import shown
from bsroformer.errors import InputError
from bsroformer.safe_files import read_yaml

FORMER_PROGRESS = "lightning.pytorch.callbacks.RichProgressBar"
PROGRESS = "bsroformer.training.callbacks.progress.RunProgress"
RUN_KEYS = ("resume", "paths.output_dir", "ckpt_path")
"""Keys that name the run to resume; all others change it."""
WRITERS = ("callbacks", "logger", "trainer")
"""Groups whose classes write files, which must stay in the run's folder."""
FOLDERS = ("folder", "dirpath", "save_dir", "default_root_dir", "dir")
"""Parameters of these that are folders, even if their value does not look like one."""
COMPLETED = ("paths", "audio", "data", "augment", "loss", "optimizer", "scheduler", "trainer")
"""Groups whose newer keys an older run may lack."""
LOGGER_PARAMETERS = {
    *("project", "save_dir", "name", "version", "prefix", "default_hp_metric", "log_graph", "flush_logs_every_n_steps"),
    *("entity", "group", "job_type", "notes", "tags", "id", "resume", "offline", "mode", "log_model"),
}
"""Parameters of loggers that only place a run in a tracker; others, such as W&B's settings, can name servers."""


def run_config(folder: Path, given: Collection[str] = ()) -> dict[str, Any]:
    """Read the configuration that a run was started with.

    Its folder may have been moved since.

    Args:
        folder: The run's.
        given: Keys that the command line sets in place of the file's.

    Raises:
        InputError: If it is missing or damaged, or holds more than data: see `with_known_classes`.
    """
    path = folder / CONFIG_FILE
    if not path.exists():
        raise InputError(f"{folder} has checkpoints, but no {CONFIG_FILE}; give the folder of a run")
    try:
        tree = read_yaml(path)
    except InputError as error:
        raise InputError(f"{error}; restore it, or use ckpt_path") from error
    old_folder = at(tree, "paths.output_dir")
    if not isinstance(old_folder, str) or not old_folder:
        raise InputError(f"{path} is not the configuration of a training; restore it, or use ckpt_path")
    tree = with_known_classes(with_present_progress(tree), path, given)
    tree = moved(tree, old_folder, str(folder))
    _check_locations(tree, folder, given)
    return tree


def with_present_progress(tree: dict[str, Any]) -> dict[str, Any]:
    """Replace Lightning's progress callback of older runs by this program's."""
    progress = at(tree, "callbacks.progress")
    if not isinstance(progress, dict) or progress.get("_target_") != FORMER_PROGRESS:
        return tree
    return {**tree, "callbacks": {**tree["callbacks"], "progress": {"_target_": PROGRESS}}}


def moved(value: Any, old: str, new: str) -> Any:
    """Replace the old run folder in the paths of a plain tree."""
    if isinstance(value, dict):
        return {key: moved(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [moved(each, old, new) for each in value]
    inside = isinstance(value, str) and (value == old or value.startswith(f"{old}/"))
    return new + value[len(old) :] if inside else value


def _check_locations(tree: dict[str, Any], folder: Path, given: Collection[str]) -> None:
    """Check that a run writes in its folder, and logs to the user's own servers.

    Raises:
        InputError: Naming the key that leads elsewhere.
    """
    for key, value in _strings(tree):
        group, _, name = key.partition(".")
        if group not in WRITERS or any(key == each or key.startswith(f"{each}.") for each in given):
            continue
        source = folder / CONFIG_FILE
        name = name.rpartition(".")[2]
        if (name in FOLDERS or _is_path(value)) and not _is_inside(value, folder):
            raise InputError(
                f"{source}: {key}={value} is outside of the run's folder; to write there, "
                f"give it again on the command line: {key}=..."
            )
    for name in _logger_parameters(tree.get("logger")) - LOGGER_PARAMETERS:
        if not {"logger", f"logger.{name}"}.intersection(given):
            raise InputError(
                f"{folder / CONFIG_FILE}: logger.{name} is not read from a file, since it can name another "
                f"server; give it again on the command line: +logger.{name}=..."
            )


def _strings(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, str):
        yield key, tree
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for name, value in items:
        yield from _strings(value, f"{key}.{name}" if key else str(name))


def _logger_parameters(logger: Any) -> set[str]:
    return set(logger) - {TARGET} if isinstance(logger, dict) else set()


def _is_path(value: str) -> bool:
    return value.startswith(("/", "~", "\\")) or Path(value).is_absolute() or ".." in Path(value).parts


def _is_inside(value: str, folder: Path) -> bool:
    return Path(value).expanduser().resolve().is_relative_to(folder.resolve())


def completed(run: dict[str, Any], composed: dict[str, Any]) -> list[str]:
    """Add keys of today's configs that an older run lacks, with today's values.

    Parameters of classes are completed where both name the same class, unless they have a default: it stands for what
    the class did before it had the parameter. Callbacks are the run's own.

    Returns:
        Each key that was added, as ``key=value``, or the name of a group.
    """
    added = [key for key in composed if key not in run]
    for group in COMPLETED:
        added += _missing_in(run, composed, group)
    for key in added:
        put(run, key, deepcopy(at(composed, key)))
    return [_assignment(key, at(run, key)) for key in added]


def _missing_in(run: dict[str, Any], composed: dict[str, Any], key: str) -> Iterator[str]:
    own = at(run, key)
    usual = at(composed, key)
    if not isinstance(own, dict) or not isinstance(usual, dict) or own.get(TARGET) != usual.get(TARGET):
        return
    optional = parameters(own[TARGET]).optional if TARGET in own else ()
    for name, value in usual.items():
        if name in optional and name not in own:
            continue
        if name in own:
            yield from _missing_in(run, composed, f"{key}.{name}")
        elif not (isinstance(value, dict) and TARGET in value):  # the run may lack a component on purpose
            yield f"{key}.{name}"


def _assignment(key: str, value: Any) -> str:
    return key if isinstance(value, dict | list) else f"{key}={shown(value)}"


def replaced_keys(cfg: TrainConfig, overrides: Sequence[str]) -> list[str]:
    """List the keys that the command line sets in place of a run's own.

    These are the keys it names, and the keys that follow from them.

    Args:
        cfg: The configuration of the configs and the command line.
        overrides: The command line.

    Raises:
        InputError: If a group that sets keys of others, such as an experiment, is among them.
    """
    found: list[str] = []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.key_or_group.replace("/", ".")
        if key in RUN_KEYS:
            continue
        if override.is_delete():
            found.append(key)
        elif not has(cfg.tree, key) or reaches_elsewhere(override):
            raise InputError(
                f"{key}={override.value()} sets many keys, which a resumed run does not accept; give the keys to change"
            )
        else:
            found += (key, *followers(cfg.written, key))
    return found


def changed(run: dict[str, Any], cfg: TrainConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Apply the keys and groups of the command line to a run's configuration.

    Raises:
        InputError: See `replaced_keys`.
    """
    for key in replaced_keys(cfg, overrides):
        value = at(cfg.tree, key, MISSING)
        if value is MISSING:
            remove(run, key)
        else:
            put(run, key, deepcopy(value))
    return run


def reaches_elsewhere(override: Override) -> bool:
    """Return whether a group's option sets keys of other groups.

    ``trainer=rtx3050`` does.
    """
    files = [folder / override.key_or_group / f"{override.value()}.yaml" for folder in config_folders()]
    return any("@package _global_" in file.read_text("utf-8").partition("\n")[0] for file in files if file.is_file())


def followers(written: dict[str, Any], key: str) -> list[str]:
    """List the keys whose values derive from a key, directly or not."""
    texts = {name: str(value) for name, value in keys(written) if not isinstance(value, dict)}
    found: list[str] = []
    queue = [key]
    while queue:
        source = queue.pop()
        for name, text in texts.items():
            refers = f"${{{source}}}" in text or f"${{{source}." in text
            if refers and name not in found:
                found.append(name)
                queue.append(name)
    return [name for name in found if name not in RUN_KEYS]
