"""Inspection of figures."""

import warnings
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


def drawn(figure: Figure) -> Figure:
    """Draw a figure, without a warning, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    return figure


def pictures(figure: Figure) -> list[NDArray[Any]]:
    """Spectrograms of a figure, in dB."""
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
