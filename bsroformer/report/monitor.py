"""The score of validation that a run is judged by: the key ``monitor``."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bsroformer.errors import InputError

LOSS = "val/loss"
METRICS = {"val/si_sdr": "SI-SDR", "val/sdr": "SDR"}
"""Scores in dB and how they are written; those of a stem have ``_<stem>`` after the name."""
FORMER = "val/si_sdr"
"""What a run is judged by whose configuration does not say: the only score before there was a choice."""


@dataclass(frozen=True)
class Monitor:
    """A score of validation.

    Attributes:
        name: As it is logged: ``val/sdr``, ``val/si_sdr``, either with ``_<stem>``, or ``val/loss``.
    """

    name: str = FORMER

    @property
    def mode(self) -> Literal["max", "min"]:
        """Whether a high score is good, or a low one."""
        return "min" if self.name == LOSS else "max"

    @property
    def metric(self) -> str:
        """The score of all stems together; SDR beside a loss, which has no curve by stem."""
        return next((metric for metric in METRICS if self.name.startswith(metric)), "val/sdr")

    @property
    def label(self) -> str:
        """``SDR``, ``SI-SDR of vocals`` or ``loss``."""
        if self.name == LOSS:
            return "loss"
        stem = self.name.removeprefix(self.metric).removeprefix("_")
        name = METRICS.get(self.metric, self.name)
        return f"{name} of {stem}" if stem else name

    def gain(self, score: float) -> float:
        """A number that is higher for a better score, and minus infinity for NaN."""
        if math.isnan(score):
            return -math.inf
        return -score if self.mode == "min" else score

    def text(self, score: float) -> str:
        """A score with its unit and name, ``5.31 dB SDR``."""
        return f"{score:.4g} {self.label}" if self.name == LOSS else f"{score:.2f} dB {self.label}"


FORMER_MONITOR = Monitor(FORMER)


def score_names(stems: Iterable[str]) -> list[str]:
    """Names of the scores that a validation of these stems has."""
    of_stems = [f"{metric}_{stem}" for metric in METRICS for stem in stems]
    return [*METRICS, LOSS, *of_stems]


def check_monitor(key: str, name: object, stems: Iterable[str]) -> None:
    """Check that a key names a score of validation.

    Raises:
        InputError: If it does not.
    """
    names = score_names(stems)
    if name not in names:
        raise InputError(f"{key}={name} must be a score of validation: one of {', '.join(names)}")


def monitor_of(settings: Mapping[str, Any]) -> Monitor:
    """The monitor of a run's configuration, also of one from before the key ``monitor``."""
    callbacks = settings.get("callbacks") or {}
    best = callbacks.get("best_checkpoint") or {}
    return Monitor(best.get("monitor") or settings.get("monitor") or FORMER)
