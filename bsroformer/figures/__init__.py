"""Matplotlib figures of separations, effects and training runs."""

from bsroformer.figures.comparison import comparison_figure, methods_figure
from bsroformer.figures.curves import curves_figure
from bsroformer.figures.effects import effects_figure
from bsroformer.figures.separation import busiest_excerpt, separation_figure

__all__ = [
    "busiest_excerpt",
    "comparison_figure",
    "curves_figure",
    "effects_figure",
    "methods_figure",
    "separation_figure",
]
