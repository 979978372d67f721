"""The validation score that ranks checkpoints: the key ``monitor``."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bsroformer.errors import InputError
from bsroformer.text import decibels

LOSS = "val/loss"
VALIDATION_METRICS = {"val/si_sdr": "SI-SDR", "val/sdr": "SDR"}
"""Logged names and labels of scores in dB; that of a stem ends in ``_<stem>``."""
LEGACY_MONITOR = "val/si_sdr"
"""Monitor of configurations without the key, from before there was a choice."""


@dataclass(frozen=True)
class Monitor:
    """A score of validation.

    Attributes:
        name: Logged name: ``val/sdr``, ``val/si_sdr``, either with ``_<stem>``, or ``val/loss``.
    """

    name: str = LEGACY_MONITOR

    @property
    def mode(self) -> Literal["max", "min"]:
        """Direction of the score: ``max`` if higher is better."""
        return "min" if self.name == LOSS else "max"

    @property
    def metric(self) -> str:
        """Logged name of the score of all stems.

        It is SDR for a loss, which has no curves of stems.
        """
        return next((metric for metric in VALIDATION_METRICS if self.name.startswith(metric)), "val/sdr")

    @property
    def label(self) -> str:
        """Label: ``SDR``, ``SI-SDR of vocals`` or ``loss``."""
        if self.name == LOSS:
            return "loss"
        stem = self.name.removeprefix(self.metric).removeprefix("_")
        name = VALIDATION_METRICS.get(self.metric, self.name)
        return f"{name} of {stem}" if stem else name

    def gain(self, score: float) -> float:
        """Return a number that is higher for a better score; minus infinity for NaN."""
        if math.isnan(score):
            return -math.inf
        return -score if self.mode == "min" else score

    def text(self, score: float) -> str:
        """Format a score with its unit and label, ``5.31 dB SDR``."""
        if self.name == LOSS:
            return f"{score:.4g} {self.label}"
        return f"{decibels(score, digits=2)} {self.label}"


DEFAULT_MONITOR = Monitor(LEGACY_MONITOR)
"""Monitor where none is given."""


def score_names(stems: Iterable[str]) -> list[str]:
    """List the logged names of the scores of these stems."""
    of_stems = [f"{metric}_{stem}" for metric in VALIDATION_METRICS for stem in stems]
    return [*VALIDATION_METRICS, LOSS, *of_stems]


def check_monitor(key: str, name: object, stems: Iterable[str]) -> None:
    """Check that a key names a validation score.

    Raises:
        InputError: If it does not.
    """
    names = score_names(stems)
    if name not in names:
        raise InputError(f"{key}={name} must be a validation score: one of {', '.join(names)}")


def monitor_of(settings: Mapping[str, Any]) -> Monitor:
    """Read the monitor of a run's configuration, also one without ``monitor``."""
    callbacks = settings.get("callbacks") or {}
    best = callbacks.get("best_checkpoint") or {}
    return Monitor(best.get("monitor") or settings.get("monitor") or LEGACY_MONITOR)
