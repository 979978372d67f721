"""The catalog of checkpoints that a visitor can choose from."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.checkpoints.model_names import name_model, unique_names
from bsroformer.checkpoints.save import SAFETENSORS, TORCH
from bsroformer.errors import InputError
from bsroformer.invocation import command_line
from bsroformer.report.run_status import is_debug_run
from bsroformer.run_folder import AVERAGE, BEST, CHECKPOINTS, LAST
from bsroformer.studio.known_scores import VALIDATED, evaluated_files, known_scores
from bsroformer.text import decibels

SUFFIXES = (*TORCH, SAFETENSORS)
RUN_FILES = (BEST, AVERAGE, LAST)
"""Results of a training, the best first; other checkpoints of a run are for the training itself."""
Rank = tuple[int, float, float]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointOption:
    """A checkpoint in the catalog.

    Attributes:
        name: Unique name, for people.
        path: Its file, or ``hf://owner/repository/file[@revision]``.
        stems: Names of the stems, in the model's order.
        sample_rate: Of the stems, in Hz.
        config: The YAML of a public checkpoint, if one was named.
        metric: Metric of the scores; None if none are known.
        score: Mean over the stems, in dB.
        scores: Score of each stem in dB, if known.
        debug: Whether its run was for debugging.
    """

    name: str
    path: str
    stems: tuple[str, ...]
    sample_rate: int
    config: str | None = None
    metric: str | None = None
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    debug: bool = False

    @property
    def label(self) -> str:
        """Name, stems and score, for a menu."""
        parts = [self.name, ", ".join(self.stems)]
        if self.score is not None:
            parts.append(f"{self.metric} {decibels(self.score)}")
        if self.debug:
            parts.append("debug run")
        return " · ".join(parts)

    @property
    def poor(self) -> bool:
        """Whether it is of a debug run, or worse than silence, which scores 0 dB."""
        return self.debug or (self.score is not None and self.score < 0)


def options_from_paths(paths: Sequence[str], configs: Sequence[str | None] | None = None) -> list[CheckpointOption]:
    """Open checkpoints from files, folders and addresses on the Hub, in their order.

    Args:
        paths: The checkpoints; for folders see `options_in_folder`.
        configs: The YAML of each public checkpoint that has none beside it, else None.

    Raises:
        InputError: A file cannot be used, or a folder holds no checkpoint that can be used.
    """
    options: list[CheckpointOption] = []
    for path, config in zip(paths, configs or [None] * len(paths), strict=True):
        if is_on_hub(path) or not Path(path).is_dir():
            options.append(_open(path, config))
        elif config is None:
            options += _search(Path(path))
        else:
            raise InputError(f"config={config} belongs to one checkpoint, but {path} is a folder; give a file")
    return _with_unique_names(options)


def options_in_folder(folder: Path) -> list[CheckpointOption]:
    """Find the checkpoints below a folder, one for each training run, the best first.

    Files that cannot be used are skipped with a warning.

    Raises:
        InputError: No checkpoint can be used.
    """
    return _with_unique_names(_search(folder))


def _search(folder: Path) -> list[CheckpointOption]:
    options = []
    for candidates in _candidates(folder):
        option = next(filter(None, map(_open_or_warn, candidates)), None)
        if option is not None:
            options.append(option)
    if not options:
        raise InputError(
            f"no usable checkpoint in {folder}; train one with {command_line('train', 'experiment=demo')}, "
            "or give one with ckpt=<file>"
        )
    ordered = _best_first(options)
    if ordered[0].poor:
        log.warning(
            "No good checkpoint in %s: the best one, %s, scores below 0 dB or is of a debug run; train longer, or give "
            "another with ckpt=<file>",
            folder,
            ordered[0].label,
        )
    return ordered


def _best_first(options: Sequence[CheckpointOption]) -> list[CheckpointOption]:
    """Sort by `_rank`, and keep the jobs of a sweep together."""
    best: dict[Path, Rank] = {}
    for option in options:
        group = _group(option.path)
        best[group] = min(_rank(option), best.get(group, _rank(option)))

    def key(option: CheckpointOption) -> tuple[Rank, Path, Rank]:
        group = _group(option.path)
        return best[group], group, _rank(option)

    return sorted(options, key=key)


def _rank(option: CheckpointOption) -> Rank:
    """Sort key: evaluated, validated, unknown, poor; then by score, then the newest."""
    if option.poor:
        tier = 3
    elif option.score is None:
        tier = 2
    elif (option.metric or "").startswith(VALIDATED):
        tier = 1
    else:
        tier = 0
    return tier, -(option.score or 0.0), -_modified(option.path)


def _group(path: str) -> Path:
    """Return the sweep's folder of a checkpoint, else its run's, else the file."""
    run = _run_of(Path(path))
    if run is None:
        return Path(path)
    return run.parent if run.name.isdigit() else run


def _run_of(checkpoint: Path) -> Path | None:
    """Return the run's folder of a checkpoint, if it is in one."""
    folder = checkpoint.absolute().parent
    return folder.parent if folder.name == CHECKPOINTS else None


def _candidates(folder: Path) -> Iterator[list[Path]]:
    """Yield files of which one is offered, best first: a run's, or a single file."""
    for parent, subfolders, names in os.walk(folder):
        here = Path(parent)
        files = [here / name for name in sorted(names) if name[0] != "." and Path(name).suffix in SUFFIXES]
        if here.absolute().name == CHECKPOINTS and any(file.name in RUN_FILES for file in files):
            subfolders.clear()  # weights to average
            # Of best and average, the evaluation has scored the one with the better validation.
            best_first = dict.fromkeys([*evaluated_files(here), *RUN_FILES])
            yield [here / name for name in best_first if here / name in files]
        else:
            subfolders[:] = sorted(name for name in subfolders if name[0] != ".")
            yield from ([file] for file in files)


def _open_or_warn(file: Path) -> CheckpointOption | None:
    try:
        return _open(str(file), None)
    except InputError as error:
        log.warning("Skipping a checkpoint: %s", error)
        return None


def _open(path: str, config: str | None) -> CheckpointOption:
    """Describe a checkpoint.

    Raises:
        InputError: It cannot be used.
    """
    checkpoint = open_checkpoint(path, config)
    checkpoint.check()
    known = known_scores(checkpoint)
    run = _run_of(checkpoint.file.path)
    return CheckpointOption(
        name=name_model([path]),
        path=path,
        stems=checkpoint.settings.stems,
        sample_rate=checkpoint.settings.sample_rate,
        config=config,
        metric=known.metric,
        score=known.mean,
        scores=known.stems,
        debug=run is not None and is_debug_run(run),
    )


def _with_unique_names(options: Sequence[CheckpointOption]) -> list[CheckpointOption]:
    """Remove duplicates, and give each checkpoint a name of its own."""
    unique: dict[Path | str, CheckpointOption] = {}
    for option in options:
        file = option.path if is_on_hub(option.path) else Path(option.path).resolve()
        unique.setdefault(file, option)
    names = unique_names(option.path for option in unique.values())
    return [replace(option, name=_with_sweep(names[option.path], option.path)) for option in unique.values()]


def _with_sweep(name: str, path: str) -> str:
    """Prefix the name of a sweep's job, which is a number, with the sweep's name."""
    run = _run_of(Path(path))
    if run is not None and name == run.name and name.isdigit():
        return f"{run.parent.name}/{name}"
    return name


def _modified(path: str) -> float:
    """Return when a file was written; 0 if it is gone."""
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0
