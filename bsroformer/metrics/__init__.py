"""Quality of a separation in decibels; higher is better.

======== ============================================= ==========================================
name     function                                      over
======== ============================================= ==========================================
SI-SDR   :func:`si_sdr`                                the whole song, after the best gain
uSDR     :func:`sdr`                                   the whole song (Music Demixing Challenge)
cSDR     :func:`framewise_sdr`, its median over frames frames of one second (museval, BSS Eval v4)
SIR ...  :func:`bss_eval`, their medians over frames   the same frames, by museval itself (slow)
======== ============================================= ==========================================

:data:`METRICS` registers them by name, with definition, direction and average.

SI-SDR and uSDR need sums over samples only: :func:`si_sdr_of_energies` and :func:`sdr_of_energies` score a signal from
the sums of its parts.
"""

from bsroformer.metrics.bss_eval import bss_eval, bss_eval_available, bss_eval_memory
from bsroformer.metrics.energy import LIMIT_DB, energy, silent, sum_over_blocks
from bsroformer.metrics.registry import (
    DEFAULT_METRICS,
    HEADLINE_METRIC,
    METRICS,
    Metric,
    framewise_metrics,
    metric_named,
    needs_museval,
    resolve_metrics,
    track_metrics,
)
from bsroformer.metrics.sdr import framewise_sdr, sdr, sdr_of_energies
from bsroformer.metrics.si_sdr import inner_product, si_sdr, si_sdr_of_energies

__all__ = [
    "DEFAULT_METRICS",
    "HEADLINE_METRIC",
    "LIMIT_DB",
    "METRICS",
    "Metric",
    "bss_eval",
    "bss_eval_available",
    "bss_eval_memory",
    "energy",
    "framewise_metrics",
    "framewise_sdr",
    "inner_product",
    "metric_named",
    "needs_museval",
    "resolve_metrics",
    "sdr",
    "sdr_of_energies",
    "si_sdr",
    "si_sdr_of_energies",
    "silent",
    "sum_over_blocks",
    "track_metrics",
]
