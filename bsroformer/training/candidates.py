"""The weights of a run's best validations, to be averaged at its end."""

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
from bsroformer.report.monitor import FORMER, Monitor
from bsroformer.training.ema import averaged
from bsroformer.training.module import SeparationModule

VALIDATION = "validation"
"""The entry of a candidate's file: its step, its score, and the name of the score."""

log = logging.getLogger(__name__)


class Candidates(L.Callback):
    """Keeps the weights of the best validations as ``step-<n>.ckpt``, each a whole model for everyone.

    The folder is all the memory there is: a resumed run finds in it what was validated before, even after the
    checkpoint that it resumes from, and an epoch that is trained again writes the same files again. A run that begins
    anew in a folder empties it.

    Args:
        folder: Where to keep them.
        count: How many; None keeps none.
        monitor: Name of the score that decides which are the best.

    Raises:
        InputError: If that is less than two.
    """

    def __init__(self, folder: str, count: Count | None, monitor: str = FORMER) -> None:
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 2):
            raise InputError(f"average_best={count} must be 2 or more validations, or null for no average")
        self.folder, self.count, self.monitor = Path(folder), count, Monitor(monitor)
        self.scores: dict[Path, float] = {}

    @property
    def best_first(self) -> list[Path]:
        """The files, best first; among equals the earlier one."""
        return sorted(self.scores, key=lambda path: (-self.monitor.gain(self.scores[path]), path))

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Find what was kept before a run was interrupted or came to its end: there may be nothing left to train."""
        if self.count is not None and stage == "fit" and trainer.is_global_zero:
            found = {path: score_of(path, self.monitor) for path in self.folder.glob("*.ckpt")}
            self.scores = {path: score for path, score in found.items() if score is not None}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Empty the folder for a run that begins."""
        if self.count is not None and trainer.is_global_zero and trainer.global_step == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.scores = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the weights that were validated if they are among the best, and drop the one that is not any more."""
        if self.count is None or trainer.sanity_checking or not trainer.is_global_zero:
            return
        score = float(trainer.callback_metrics[self.monitor.name])
        path = self.folder / f"step-{trainer.global_step:06d}.ckpt"
        self.scores.pop(path, None)
        full = len(self.scores) >= self.count
        worst = self.monitor.gain(self.scores[self.best_first[-1]]) if full else -math.inf
        if self.monitor.gain(score) > worst:
            self._keep(path, score, trainer, pl_module)

    def _keep(self, path: Path, score: float, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, SeparationModule)
        validation = {"step": trainer.global_step, "monitor": self.monitor.name, "score": score}
        facts: dict[str, Any] = {VALIDATION: validation}
        try:
            with averaged(trainer, module):
                save_weights(module.model, path, facts)
        except InputError as error:  # a run of days goes on without one of its candidates
            log.warning("Weights to average were not kept: %s", error)
            return
        self.scores[path] = score
        for dropped in self.best_first[self.count :]:
            del self.scores[dropped]
            dropped.unlink(missing_ok=True)


def score_of(path: Path, monitor: Monitor | None = None) -> float | None:
    """Score of a candidate; None if the file is none, or was judged by another score than `monitor`."""
    try:
        validation = open_weights(path).entries[VALIDATION]
        if "si_sdr" in validation:  # as written before there was a choice
            validation = {"monitor": FORMER, "score": validation["si_sdr"]}
        name, score = validation["monitor"], float(validation["score"])
    except (InputError, KeyError, TypeError, ValueError, RuntimeError):
        log.warning("%s holds no validated weights and is ignored in the average.", path)
        return None
    if monitor is not None and monitor.name != name:
        log.warning("%s was validated by %s, not %s, and is ignored in the average.", path, name, monitor.name)
        return None
    return score
