"""Registry of metrics: name, definition, direction, scope and average of each.

A new metric is one module in this folder and one entry in :data:`METRICS`. Formulas and sources are in
``docs/evaluation.md``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.metrics.bss_eval import BSS_EVAL_VALUES
from bsroformer.metrics.sdr import framewise_sdr, sdr
from bsroformer.metrics.si_sdr import si_sdr


@dataclass(frozen=True)
class Metric:
    """A metric in dB, either of whole tracks or of each second (framewise).

    Attributes:
        name: Name in tables, files and the key ``metrics``.
        definition: A sentence; s is the true stem, ŝ its estimate.
        average: Average over tracks; a framewise metric of a track is the median of its seconds.
        of_track: Computes a metric of whole tracks: estimates, targets (n c t) -> dB (n).
        above_mixture: Subtract the score of the mixture as the estimate.
        active_stems_only: Undefined for stems that are inactive, see `bsroformer.audio.activity`.
        frames: Name of the values of each second, as museval writes it; None for a metric of whole tracks.
        of_seconds: Computes a framewise metric: estimates, targets (n c t), sample rate -> dB (n frames). None if
            only `bss_eval` computes it.
        higher_is_better: Direction of the metric.
    """

    name: str
    definition: str
    average: Literal["mean", "median"]
    of_track: Callable[[Tensor, Tensor], Tensor] | None = None
    above_mixture: bool = False
    active_stems_only: bool = False
    frames: str | None = None
    of_seconds: Callable[[Tensor, Tensor, int], Tensor] | None = None
    higher_is_better: bool = True

    @property
    def needs_museval(self) -> bool:
        """Only museval's filters give this metric."""
        return self.frames is not None and self.of_seconds is None

    def gain(self, value: float) -> float:
        """Return a number that is higher for a better score or difference."""
        return value if self.higher_is_better else -value


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "cSDR",
            "SDR of BSS Eval v4 (museval), 10 log10(|s|² / |s − ŝ|²) of each second; median over seconds, then songs.",
            average="median",
            frames="SDR",
            of_seconds=framewise_sdr,
        ),
        Metric(
            "SIR",
            "How far other stems stay out of the estimate (BSS Eval v4, museval); medians as of cSDR.",
            average="median",
            frames="SIR",
        ),
        Metric(
            "SAR",
            "How free the estimate is of artefacts, which no stem contains (BSS Eval v4, museval); medians as of cSDR.",
            average="median",
            frames="SAR",
        ),
        Metric(
            "ISR",
            "How true the estimate is in timbre, level and panning (BSS Eval v4, museval); medians as of cSDR.",
            average="median",
            frames="ISR",
        ),
        Metric(
            "uSDR",
            "SDR of the Music Demixing Challenge, 10 log10(|s|² / |s − ŝ|²) of the whole song; mean over songs.",
            average="mean",
            of_track=sdr,
        ),
        Metric(
            "SI-SDR",
            "Scale-invariant SDR: as uSDR, after the best gain on the reference, so that level costs nothing; mean "
            "over songs.",
            average="mean",
            of_track=si_sdr,
            active_stems_only=True,
        ),
        Metric(
            "SI-SDRi",
            "SI-SDR less that of the mixture as the estimate: the gain of the separation; mean over songs.",
            average="mean",
            of_track=si_sdr,
            above_mixture=True,
            active_stems_only=True,
        ),
    )
}
"""Every metric by name, in the order of messages and docs."""
DEFAULT_METRICS = ("cSDR", "uSDR", "SI-SDR")
"""Metrics to report unless others are requested."""
BSS_EVAL_GROUP = "bss_eval"
"""Stands for the metrics of BSS Eval in the key ``metrics``."""
HEADLINE_METRIC = "SI-SDR"
"""Metric to show where there is room for one, and to rank songs by."""


def metric_named(name: str) -> Metric:
    """Look up a metric.

    Raises:
        InputError: If this version has no such metric.
    """
    if name not in METRICS:
        raise InputError(f"{name} must be one of the metrics {', '.join(METRICS)}; evaluate again with one of them")
    return METRICS[name]


def track_metrics() -> list[Metric]:
    """List the metrics of whole tracks."""
    return [metric for metric in METRICS.values() if metric.frames is None]


def framewise_metrics() -> list[Metric]:
    """List the metrics of each second."""
    return [metric for metric in METRICS.values() if metric.frames is not None]


def resolve_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Resolve names of metrics in any case, each once.

    ``bss_eval`` stands for cSDR, SIR, SAR and ISR.

    Raises:
        InputError: If one is unknown, or there is none.
    """
    known = {name.casefold(): [name] for name in METRICS}
    known[BSS_EVAL_GROUP] = [metric.name for metric in framewise_metrics() if metric.frames in BSS_EVAL_VALUES]
    choices = ", ".join((*METRICS, BSS_EVAL_GROUP))
    if not names:
        raise InputError(f"metrics is empty; choose from {choices}.")
    resolved: list[str] = []
    for name in map(str, names):
        if name.casefold() not in known:
            raise InputError(f"metrics names {name}; choose from {choices}.")
        resolved += known[name.casefold()]
    return tuple(dict.fromkeys(resolved))


def needs_museval(names: Sequence[str]) -> bool:
    """Check for a metric that only museval computes."""
    return any(METRICS[name].needs_museval for name in resolve_metrics(names))
