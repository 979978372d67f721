"""Weights of a run's best validations, to be averaged at its end."""

import logging
import math
import shutil
from pathlib import Path
from typing import Any

import lightning as L

from bsroformer.checkpoints.save import save_weights
from bsroformer.checkpoints.weight_file import open_weights
from bsroformer.errors import InputError
from bsroformer.kinds import Count
from bsroformer.report.monitor import LEGACY_MONITOR, Monitor
from bsroformer.training.callbacks.ema import averaged
from bsroformer.training.module import SeparationModule

VALIDATION = "validation"
"""Entry of a candidate's file: its step, its score, and the name of the score."""
LEGACY_SCORE = "si_sdr"
"""The only score, and its entry, before there was a choice."""

log = logging.getLogger(__name__)


class Candidates(L.Callback):
    """Keep the weights of the best validations, each a complete model.

    The files are called ``step-<n>.ckpt``.

    The folder is the only state: a resumed run detects in it what was validated before, even after the checkpoint that
    it resumes from, and an epoch that is trained again writes the same files again. A run that starts from its first
    step empties the folder.

    Args:
        folder: Folder of the files.
        count: Number of files; None keeps none.
        monitor: Name of the score that decides which are the best.

    Raises:
        InputError: If the number is below two.
    """

    def __init__(self, folder: str, count: Count | None, monitor: str = LEGACY_MONITOR) -> None:
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 2):
            raise InputError(f"average_best={count} must be 2 or more validations, or null for no average")
        self.folder = Path(folder)
        self.count = count
        self.monitor = Monitor(monitor)
        self.scores: dict[Path, float] = {}

    @property
    def best_first(self) -> list[Path]:
        """The files, the best first; of equal scores the earlier one."""
        return sorted(self.scores, key=lambda path: (-self.monitor.gain(self.scores[path]), path))

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Read the files of an interrupted or finished run.

        There may be nothing left to train, and so no other hook.
        """
        if self.count is None or stage != "fit" or not trainer.is_global_zero:
            return
        self.scores = {}
        for path in self.folder.glob("*.ckpt"):
            score = score_of(path, self.monitor)
            if score is not None:
                self.scores[path] = score

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Empty the folder at the first step."""
        if self.count is not None and trainer.is_global_zero and trainer.global_step == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.scores = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the validated weights if they are among the best.

        The file that no longer is among them is removed.
        """
        if self.count is None or trainer.sanity_checking or not trainer.is_global_zero:
            return
        score = float(trainer.callback_metrics[self.monitor.name])
        path = self.folder / f"step-{trainer.global_step:06d}.ckpt"
        self.scores.pop(path, None)
        if self.monitor.gain(score) > self._gain_to_exceed(self.count):
            self._keep(path, score, trainer, pl_module)

    def _gain_to_exceed(self, count: int) -> float:
        """Return `Monitor.gain` of the worst of the kept scores.

        Minus infinity while there are fewer than `count`.
        """
        if len(self.scores) < count:
            return -math.inf
        worst = self.best_first[-1]
        return self.monitor.gain(self.scores[worst])

    def _keep(self, path: Path, score: float, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, SeparationModule)
        validation = {"step": trainer.global_step, "monitor": self.monitor.name, "score": score}
        facts: dict[str, Any] = {VALIDATION: validation}
        try:
            with averaged(trainer, module):
                save_weights(module.model, path, facts, module.ledger)
        except InputError as error:  # a run of days must not end for it
            log.warning("Weights to average were not kept: %s", error)
            return
        self.scores[path] = score
        for dropped in self.best_first[self.count :]:
            del self.scores[dropped]
            dropped.unlink(missing_ok=True)


def score_of(path: Path, monitor: Monitor | None = None) -> float | None:
    """Read the score of a candidate.

    None, with a warning, for another file or another score than `monitor`.
    """
    try:
        name, score = _read_score(path)
    except (InputError, KeyError, TypeError, ValueError, RuntimeError):
        log.warning("%s holds no validated weights and is ignored in the average.", path)
        return None
    if monitor is not None and monitor.name != name:
        log.warning("%s was validated by %s, not %s, and is ignored in the average.", path, name, monitor.name)
        return None
    return score


def _read_score(path: Path) -> tuple[str, float]:
    """Read the name of a candidate's score, and the score."""
    validation = open_weights(path).entries[VALIDATION]
    if LEGACY_SCORE in validation:
        return LEGACY_MONITOR, float(validation[LEGACY_SCORE])
    return validation["monitor"], float(validation["score"])
