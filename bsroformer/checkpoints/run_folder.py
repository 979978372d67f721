"""The folder of a training as the place of its checkpoints: a path may name the folder, or a file in it."""

from collections.abc import Iterator
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.safe_files import read_json

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints in a run's."""
CANDIDATES = "candidates"
"""The folder in it of weights to average."""
BEST, AVERAGE = "best.ckpt", "average.ckpt"
LAST, BEFORE = "last.ckpt", "previous.ckpt"
"""The newest checkpoint to resume from, and the one before it."""
TRAINING_LOCK = ".training.lock"
"""An empty file in the folder of a run; the lock is the system's, which ends with the process that holds it."""
RUN_FACTS, RESULT = "run.json", "best"
"""The file of a run's facts, and its entry that names the best checkpoint."""


def run_of(path: Path) -> Path:
    """The run's folder that a path names: itself, its folder of checkpoints, or a checkpoint in that."""
    folder = path.parent if path.suffix == ".ckpt" and not is_folder(path) else path
    folder = folder.parent if folder.name == CANDIDATES else folder
    return folder.parent if folder.name == CHECKPOINTS else folder


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; of what cannot be a path, the reader of the file says so."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def weights_of(path: Path) -> Path:
    """The checkpoint that a path names: itself or, of the folder of a run, the one with the best weights.

    That is what the training found best at its end, the best validated one or an average; while it trains the best
    validated one, and before the first validation the newest.

    Raises:
        InputError: If it is a folder without a checkpoint.
    """
    if not is_folder(path):
        return path
    folder = run_of(path) / CHECKPOINTS
    found = (folder / name for name in (*_recorded(folder.parent), BEST, LAST, BEFORE))
    checkpoint = next((file for file in found if file.is_file()), None)
    if checkpoint is None:
        raise InputError(
            f"no checkpoint at {path}: it is a folder without {CHECKPOINTS}/{BEST}; give a .ckpt file, or the folder "
            "of a training"
        )
    return checkpoint


def _recorded(run: Path) -> Iterator[str]:
    """The name of the best checkpoint as the training recorded it, if it did."""
    try:
        facts = read_json(run / RUN_FACTS)
    except InputError:
        return
    if isinstance(facts, dict) and facts.get(RESULT) in (f"{CHECKPOINTS}/{AVERAGE}", f"{CHECKPOINTS}/{BEST}"):
        yield str(facts[RESULT]).rpartition("/")[2]


def checkpoints_in(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, candidates included: any of them says that it holds a training."""
    folder = run / CHECKPOINTS
    found = (*folder.glob("*.ckpt"), *(folder / CANDIDATES).glob("*.ckpt"))
    return sorted(path for path in found if path.is_file())
