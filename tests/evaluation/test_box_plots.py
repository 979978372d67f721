import sys
import warnings

import numpy as np
import pytest
from made_scores import METRICS, evaluation_of, song_scores
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from bsroformer.evaluation import Results, box_figure, write_box_figures
from bsroformer.figures.style import LIGHT

STEMS = ("vocals", "drums", "bass", "other", "guitar", "piano")


def made(songs, stems, methods, seed=0):
    """Methods of random scores, the first the mixture and the last, of three or more, an oracle."""
    scores = np.random.default_rng(seed).normal(0.0, 2.0, (songs, stems))
    kinds = ["mixture", *["model"] * (methods - 2), "oracle"] if methods > 2 else ["mixture", "model"][:methods]
    evaluations = []
    for n, kind in enumerate(kinds):
        of = [song_scores(f"Song {i}", *map(float, s + 4 * n - 5), stems=STEMS[:stems]) for i, s in enumerate(scores)]
        evaluations.append(evaluation_of(f"method-{n}", kind, *of))
    return Results(tuple(evaluations))


def drawn(figure):
    """A figure that was drawn without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()
    return figure


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def dots(figure):
    """All points of a figure, (x, dB)."""
    return np.concatenate([points.get_offsets() for points in figure.axes[0].collections])


def boxes_of_words(figure):
    axes = figure.axes[0]
    artists = [*axes.texts, *axes.get_xticklabels(), *axes.get_legend().get_texts(), *figure.texts]
    return [artist.get_window_extent() for artist in artists if artist.get_text()]


@pytest.mark.parametrize(
    ("songs", "stems", "methods"), [(1, 1, 1), (1, 4, 3), (3, 2, 2), (50, 4, 3), (20, 6, 6), (150, 4, 5)]
)
def test_no_word_lies_on_another_or_outside_the_picture(songs, stems, methods):
    figure = drawn(box_figure(made(songs, stems, methods), "uSDR", "A title"))
    boxes = boxes_of_words(figure)
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:n])
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_stems_and_methods_have_boxes_and_songs_have_dots():
    figure = drawn(box_figure(made(20, 4, 3), "cSDR"))
    assert len(figure.axes[0].patches) == 12
    assert len(dots(figure)) == 20 * 12
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list(STEMS[:4])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["method-0", "method-1", "method-2"]


def test_a_box_is_the_middle_half_its_number_the_average():
    results = made(21, 1, 1)
    figure = drawn(box_figure(results, "uSDR"))
    values = [song.score("vocals", "uSDR") for song in results.evaluations[0].songs]
    ys = figure.axes[0].patches[0].get_path().vertices[:, 1]
    assert (ys.min(), ys.max()) == pytest.approx(tuple(np.quantile(values, [0.25, 0.75])))
    assert words(figure) == [f"{np.mean(values):.1f}".replace("-", "−")]


def test_of_few_songs_there_are_dots_only(evaluation):
    figure = drawn(box_figure(Results((evaluation,)), "uSDR"))
    assert not figure.axes[0].patches
    assert sorted(dots(figure)[:, 1]) == [1, 2, 4, 8, 9]
    assert "box" not in figure.get_supxlabel()


def test_undefined_scores_and_stems_without_any_are_not_drawn(evaluation):
    silent = evaluation_of("lite", "model", evaluation.songs[2])
    figure = drawn(box_figure(Results((silent,)), "cSDR"))
    assert words(figure) == ["9.0"]
    assert len(dots(figure)) == 1
    nothing = evaluation_of("lite", "model", song_scores("A", float("nan"), float("nan")))
    assert not words(drawn(box_figure(Results((nothing,)), "cSDR")))


def test_one_method_has_stem_colours_and_several_their_own():
    one, several = (drawn(box_figure(made(10, 2, methods), "uSDR")) for methods in (2, 4))

    def colours(figure):
        return [to_hex(box.get_edgecolor()) for box in figure.axes[0].patches]

    assert colours(one) == [LIGHT.faint, LIGHT.colour(0), LIGHT.faint, LIGHT.colour(1)]
    assert colours(several)[1:3] == [LIGHT.colour(0), LIGHT.colour(1)] == colours(several)[5:7]
    assert len(set(colours(several)[:4])) == 4


def test_text_is_in_no_colour_of_the_palette():
    figure = drawn(box_figure(made(10, 2, 4), "uSDR"))
    written = [*figure.axes[0].texts, *figure.axes[0].get_xticklabels(), *figure.axes[0].get_legend().get_texts()]
    assert {to_hex(text.get_color()) for text in written} <= {LIGHT.text, LIGHT.faint}


def test_a_song_far_from_all_boxes_is_an_arrow_at_the_edge():
    songs = [song_scores(f"Song {n}", n / 10.0, stems=("vocals",)) for n in range(20)]
    songs.append(song_scores("Failed", -300.0, stems=("vocals",)))
    figure = drawn(box_figure(Results((evaluation_of("lite", "model", *songs),)), "cSDR"))
    low, high = figure.axes[0].get_ylim()
    assert -2 < low < 0 < high < 4
    assert len(dots(figure)) == 21
    assert (dots(figure)[:, 1] >= low).all()
    assert "arrow: a song out of sight (1)" in figure.get_supxlabel()


def test_a_metric_that_the_mixture_lacks_is_drawn_without_it():
    song = song_scores("A", 1.0, 2.0)
    methods = evaluation_of("mixture", "mixture", song), evaluation_of("lite", "model", song, metrics=(*METRICS, "SIR"))
    assert words(drawn(box_figure(Results(methods), "SIR"))) == ["1.0", "2.0"]


def test_a_picture_of_each_metric_is_written(results, tmp_path):
    paths = write_box_figures(results, tmp_path / "plots")
    assert [path.name for path in paths[::2]] == ["cSDR.png", "uSDR.png", "SI-SDR.png"]
    assert [path.name for path in paths[1::2]] == ["cSDR.svg", "uSDR.svg", "SI-SDR.svg"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[::2])
    assert all("<svg" in path.read_text("utf-8") for path in paths[1::2])


def test_pyplot_is_not_needed(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert drawn(box_figure(results, "uSDR")).axes
