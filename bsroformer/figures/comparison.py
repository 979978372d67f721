"""What each stem should be, what it was taken for, and what lies between, as spectrograms."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from bsroformer.figures.spectrogram import add_colour_bar, band_power, draw_spectrogram
from bsroformer.figures.style import BACKGROUND, TEXT, stem_colour
from bsroformer.metrics import sdr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("reference", "estimate", "error")
ROW_INCHES = 1.75


def comparison_figure(
    references: Tensor, estimates: Tensor, stems: Sequence[str], sample_rate: int, title: str = ""
) -> "Figure":
    """Spectrograms of every stem in a row: as it is, as it was estimated, and the estimate less the reference.

    A colour means the same level everywhere. The SDR of each stem, of what is drawn, is beside its row.

    Args:
        references: True stems, (n c t).
        estimates: What they were taken for, (n c t).
        stems: Names of the stems.
        sample_rate: In Hz.
        title: Heading of the picture.

    Returns:
        A figure 10 inches wide, 1.75 high for each stem.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    references, estimates = references.cpu(), estimates.cpu()
    loudest = max(float(band_power(reference, sample_rate).max()) for reference in references)
    scores = sdr(estimates, references).tolist()

    figure = Figure(figsize=(10, 0.4 + ROW_INCHES * len(stems)), facecolor=BACKGROUND, layout="constrained")
    if title:
        figure.suptitle(title, color=TEXT, fontsize=14)
    grid = figure.add_gridspec(len(stems), len(COLUMNS))
    for n, stem in enumerate(stems):
        signals = references[n], estimates[n], estimates[n] - references[n]
        for column, signal in enumerate(signals):
            axes = figure.add_subplot(grid[n, column])
            image = draw_spectrogram(axes, signal, sample_rate, loudest)
            axes.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))  # or the last label runs into the next panel's
            axes.xaxis.set_major_formatter("{x:g} s")
            if n == 0:
                axes.set_title(COLUMNS[column], color=TEXT, fontsize=12)
            if n < len(stems) - 1:
                axes.set_xticks([])
            if column == 0:
                score = "silent" if math.isnan(scores[n]) else f"SDR {scores[n]:.1f} dB"
                axes.set_ylabel(f"{stem}\n{score}", color=stem_colour(n), fontsize=12)
            else:
                axes.set_yticks([])
    add_colour_bar(figure, image, aspect=12 * len(stems))
    return figure
