"""The folder of a training run, the names of its files, and the logger of its output."""

import logging
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.safe_files import read_json

CONFIG = "config.yaml"
CHECKPOINTS = "checkpoints"
CANDIDATES = "candidates"
BEST = "best.ckpt"
AVERAGE = "average.ckpt"
LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
TRAINING_LOCK = ".training.lock"
"""An empty file in the folder, locked by the training process as long as it runs."""
BEST_ENTRY = "best"
"""Entry of ``run.json`` that names the best checkpoint."""
TRAIN_LOG = logging.getLogger("bsroformer.train_log")
"""Logger of output that the terminal has shown; only ``train.log`` gets it, by a handler of the run folder."""
TRAIN_LOG.addHandler(logging.NullHandler())  # or warnings would go to stderr
TRAIN_LOG.propagate = False
TRAIN_LOG.setLevel(logging.INFO)


class RunFolder:
    """Paths of a training run's files, whether they exist or not.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        config: The resolved configuration.
        facts: Versions, device and code of each start of the run, and its best checkpoint.
        log: Output of the training.
        metrics: Logged values by step.
        curves: A plot of the metrics.
        report: The report on one page.
        previews: Separated excerpts.
        evaluation: The folder of the closing evaluation.
        checkpoints: The folder of checkpoints.
        candidates: The folder of weights to average.
        best: The checkpoint of the best validation.
        average: The average of the best validations.
        last: The newest checkpoint to resume from.
        previous: The checkpoint before `last`.
        adapter: The trained weights alone, of a run that freezes others.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.facts = self.path / "run.json"
        self.log = self.path / "train.log"
        self.metrics = self.path / "metrics.csv"
        self.curves = self.path / "curves.png"
        self.report = self.path / "report.html"
        self.previews = self.path / "previews"
        self.evaluation = self.path / "evaluation"
        self.checkpoints = self.path / CHECKPOINTS
        self.candidates = self.checkpoints / CANDIDATES
        self.best = self.checkpoints / BEST
        self.average = self.checkpoints / AVERAGE
        self.last = self.checkpoints / LAST
        self.previous = self.checkpoints / PREVIOUS
        self.adapter = self.checkpoints / "adapter.safetensors"

    @classmethod
    def of(cls, path: Path) -> "RunFolder":
        """Find the run of a folder, a folder of checkpoints, or a checkpoint."""
        folder = path
        if path.suffix == ".ckpt" and not is_folder(path):
            folder = path.parent
        if folder.name == CANDIDATES:
            folder = folder.parent
        if folder.name == CHECKPOINTS:
            folder = folder.parent
        return cls(folder)

    def best_weights(self) -> Path | None:
        """Find the checkpoint with the best weights so far; None without one.

        After the training that is the best validated one or an average, as ``run.json`` records it; during the training
        the best validated one, and the newest before the first validation.
        """
        files = [self.best, self.last, self.previous]
        recorded = self._recorded_best()
        if recorded is not None:
            files.insert(0, recorded)
        return next((file for file in files if file.is_file()), None)

    def _recorded_best(self) -> Path | None:
        try:
            facts = read_json(self.facts)
        except InputError:
            return None
        name = facts.get(BEST_ENTRY) if isinstance(facts, dict) else None
        for file in (self.average, self.best):
            if name == f"{CHECKPOINTS}/{file.name}":
                return file
        return None

    def checkpoint_files(self) -> list[Path]:
        """List all checkpoints, candidates included.

        Any of them shows that the folder holds a training.
        """
        files = [*self.checkpoints.glob("*.ckpt"), *self.candidates.glob("*.ckpt")]
        return sorted(file for file in files if file.is_file())


def is_folder(path: Path) -> bool:
    """Return whether a folder exists there.

    False for an invalid path, which the reader of the file reports.
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def weights_of(path: Path) -> Path:
    """Return the checkpoint that a path names: a file, or a run's best weights.

    Raises:
        InputError: If it is a folder without a checkpoint.
    """
    if not is_folder(path):
        return path
    checkpoint = RunFolder.of(path).best_weights()
    if checkpoint is None:
        raise InputError(
            f"no checkpoint at {path}: it is a folder without {CHECKPOINTS}/{BEST}; give a .ckpt file, or the folder "
            "of a training"
        )
    return checkpoint
