"""How good a separation is, in decibels: pure functions of (estimate, target), higher is better.

======== ============================================= ==========================================
name     function                                      over
======== ============================================= ==========================================
SI-SDR   :func:`si_sdr`                                the whole song, after the best gain
uSDR     :func:`sdr`                                   the whole song (Music Demixing Challenge)
cSDR     :func:`framewise_sdr`, its median over frames frames of one second (museval, BSS Eval v4)
SIR ...  :func:`bss_eval`, their medians over frames   the same frames, by museval itself (slow)
======== ============================================= ==========================================
"""

from bsroformer.metrics.bss_eval import bss_eval, bss_eval_available
from bsroformer.metrics.energy import LIMIT_DB, silent
from bsroformer.metrics.sdr import framewise_sdr, median_over_frames, sdr
from bsroformer.metrics.si_sdr import si_sdr

__all__ = [
    "LIMIT_DB",
    "bss_eval",
    "bss_eval_available",
    "framewise_sdr",
    "median_over_frames",
    "sdr",
    "si_sdr",
    "silent",
]
