"""Definitions of the metrics in a sentence.

Formulas and sources are in ``docs/evaluation.md``.
"""

DEFINITIONS = {
    "cSDR": "SDR of BSS Eval v4 (museval), 10 log10(|s|² / |s − ŝ|²) of each second; median over seconds, then songs.",
    "SIR": "How far other stems stay out of the estimate (BSS Eval v4, museval); medians as of cSDR.",
    "SAR": "How free the estimate is of artefacts, which no stem contains (BSS Eval v4, museval); medians as of cSDR.",
    "ISR": "How true the estimate is in timbre, level and place (BSS Eval v4, museval); medians as of cSDR.",
    "uSDR": "SDR of the Music Demixing Challenge, 10 log10(|s|² / |s − ŝ|²) of the whole song; mean over songs.",
    "SI-SDR": "Scale-invariant SDR: as uSDR, after the best gain on the reference, so that level costs nothing; mean "
    "over songs.",
    "SI-SDRi": "SI-SDR less that of the mixture in the estimate's place: what the separation adds; mean over songs.",
}
"""Metric -> definition; s is the true stem, ŝ its estimate."""
