"""Figures as tests look at them."""

import warnings

import numpy as np


def drawn(figure):
    """The same figure, drawn without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    return figure


def pictures(figure):
    """What its spectrograms show, in dB."""
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
