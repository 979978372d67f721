"""Which checkpoints a visitor can choose from."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.checkpoints.naming import name_of, unique_names
from bsroformer.checkpoints.save import SAFETENSORS, TORCH
from bsroformer.errors import InputError
from bsroformer.run_folder import AVERAGE, BEST, CHECKPOINTS, LAST
from bsroformer.studio.debug_runs import is_debug_run
from bsroformer.studio.known_scores import VALIDATED, evaluated, known_scores

SUFFIXES = (*TORCH, SAFETENSORS)
OF_A_RUN = (BEST, AVERAGE, LAST)
"""What a training gives, the best first; what else is in its folder of checkpoints is for the training itself."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """A checkpoint on the menu.

    Attributes:
        name: For people; no other offer on the menu has it.
        path: Its file, or ``hf://owner/repository/file[@revision]``.
        stems: Names of what it separates, in its order.
        sample_rate: Of the stems, Hz.
        config: The YAML of a public checkpoint, where one was named.
        metric: What its scores are of; None if none are known.
        score: The mean over stems, dB.
        scores: By stem, dB, where that is known.
        debug: Whether its run only tested the code.
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
        """Name, stems, and how well it separates, for the menu."""
        known = [] if self.score is None else [f"{self.metric} {self.score:.1f} dB"]
        debug = ["debug run"] if self.debug else []
        return " · ".join([self.name, ", ".join(self.stems), *known, *debug])

    @property
    def poor(self) -> bool:
        """Whether it must not be offered first: of a debug run, or worse than silence, which scores 0 dB."""
        return self.debug or (self.score is not None and self.score < 0)


def offers_of(paths: Sequence[str], configs: Sequence[str | None] | None = None) -> list[Offer]:
    """What is to be had of files, folders and addresses on the Hub, in their order; of a folder, see `offers_in`.

    Args:
        paths: Where checkpoints are.
        configs: The YAML of each, where it is a public checkpoint with a YAML elsewhere than beside it.

    Raises:
        InputError: If a file cannot be used, or a folder holds none that can.
    """
    found: list[Offer] = []
    for path, config in zip(paths, configs or [None] * len(paths), strict=True):
        if is_on_hub(path) or not Path(path).is_dir():
            found.append(_offer(path, config))
        elif config is None:
            found += _in_folder(Path(path))
        else:
            raise InputError(f"config={config} is of one checkpoint, and {path} is a folder: give a file")
    return _with_names(found)


def offers_in(folder: Path) -> list[Offer]:
    """The checkpoints of a folder and its subfolders, best first (see `_best_first`); one for each training run.

    What cannot be used is skipped with a warning.

    Raises:
        InputError: If there is none.
    """
    return _with_names(_in_folder(folder))


def _in_folder(folder: Path) -> list[Offer]:
    usable = (next(filter(None, map(_usable, files)), None) for files in _choices(folder))
    found = [offer for offer in usable if offer]
    if not found:
        raise InputError(
            f"there is no checkpoint in {folder} that can be used: python scripts/train.py experiment=demo makes one, "
            "or give another with ckpt=<file>"
        )
    in_order = _best_first(found)
    if in_order[0].poor:
        log.warning(
            "No good checkpoint in %s: the best one, %s, scores below 0 dB or is of a debug run; train longer, or give "
            "another with ckpt=<file>",
            folder,
            in_order[0].label,
        )
    return in_order


def _best_first(offers: Sequence[Offer]) -> list[Offer]:
    """Offers sorted by `_rank`, the jobs of a sweep together."""
    best: dict[Path, tuple[int, float, float]] = {}
    for offer in offers:
        group = _group(offer.path)
        best[group] = min(_rank(offer), best.get(group, _rank(offer)))

    def key(offer: Offer) -> tuple[tuple[int, float, float], Path, tuple[int, float, float]]:
        group = _group(offer.path)
        return best[group], group, _rank(offer)

    return sorted(offers, key=key)


def _rank(offer: Offer) -> tuple[int, float, float]:
    """Sort key: evaluated, then validated, then unknown, then poor ones; by score, then by age, newest first."""
    if offer.poor:
        tier = 3
    elif offer.score is None:
        tier = 2
    else:
        tier = 1 if (offer.metric or "").startswith(VALIDATED) else 0
    return tier, -(offer.score or 0.0), -_time(offer.path)


def _group(path: str) -> Path:
    """The folder of the sweep for a job of one, else the run's folder or the file itself."""
    run = run_of(Path(path))
    if run is None:
        return Path(path)
    return run.parent if run.name.isdigit() else run


def run_of(checkpoint: Path) -> Path | None:
    """The run's folder, if a checkpoint is in the ``checkpoints`` folder of one."""
    folder = checkpoint.absolute().parent
    return folder.parent if folder.name == CHECKPOINTS else None


def _choices(folder: Path) -> Iterator[Sequence[Path]]:
    """Files of which one is to be offered, the best first: those of a run, or one alone."""
    for place, inner, names in os.walk(folder):
        here = Path(place)
        files = [here / name for name in sorted(names) if name[0] != "." and Path(name).suffix in SUFFIXES]
        if here.absolute().name == CHECKPOINTS and any(file.name in OF_A_RUN for file in files):
            inner.clear()  # weights to average
            # Of best and average the run has scored the one that validated better.
            best_first = dict.fromkeys([*evaluated(here), *OF_A_RUN])
            yield [here / name for name in best_first if here / name in files]
        else:
            inner[:] = sorted(name for name in inner if name[0] != ".")
            yield from ([file] for file in files)


def _usable(file: Path) -> Offer | None:
    try:
        return _offer(str(file), None)
    except InputError as error:
        log.warning("Not on the menu: %s", error)
        return None


def _offer(path: str, config: str | None) -> Offer:
    """What there is to say of a checkpoint.

    Raises:
        InputError: If it cannot be used.
    """
    checkpoint = open_checkpoint(path, config)
    checkpoint.check()
    settings, known = checkpoint.settings, known_scores(checkpoint)
    run = run_of(checkpoint.file.path)
    return Offer(
        name=name_of([path]),
        path=path,
        stems=settings.stems,
        sample_rate=settings.sample_rate,
        config=config,
        metric=known.metric,
        score=known.mean,
        scores=known.stems,
        debug=run is not None and is_debug_run(run),
    )


def _with_names(offers: Sequence[Offer]) -> list[Offer]:
    """Each offer once, with a name of its own."""
    once: dict[Path | str, Offer] = {}
    for offer in offers:
        once.setdefault(offer.path if is_on_hub(offer.path) else Path(offer.path).resolve(), offer)
    names = unique_names(offer.path for offer in once.values())
    return [replace(offer, name=_with_sweep(names[offer.path], offer.path)) for offer in once.values()]


def _with_sweep(name: str, path: str) -> str:
    """A name that says which sweep a job is of, where the name is the job's number alone."""
    run = run_of(Path(path))
    return f"{run.parent.name}/{name}" if run is not None and name == run.name and name.isdigit() else name


def _time(path: str) -> float:
    """When a file was written; of one that is gone meanwhile, long ago."""
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0
