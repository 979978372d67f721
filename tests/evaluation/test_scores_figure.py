import sys
import warnings

from bsroformer.evaluation import Evaluation, scores_figure


def test_the_scores_figure_draws_a_line_per_song_and_stem_from_mixture_to_estimate(evaluation):
    figure = scores_figure(evaluation, title="Scores")
    figure.canvas.draw()
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[-5.0, 1.0], [-5.0, 2.0]]
    assert len(axes.lines) == 6
    assert [text.get_text() for text in axes.texts] == ["-5.0", "4.0", "-5.0", "6.0"]


def test_a_stem_without_scores_leaves_its_place_empty(evaluation):
    silent = Evaluation(evaluation.stems, evaluation.metrics, evaluation.songs[2:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = scores_figure(silent)
        figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[0].texts] == ["-5.0", "9.0"]


def test_pyplot_is_not_needed(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    scores_figure(evaluation).canvas.draw()
