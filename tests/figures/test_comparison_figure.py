import numpy as np
import pytest
import torch

from bsroformer.figures import comparison_figure, methods_figure
from bsroformer.figures.spectrogram import RANGE_DB
from bsroformer.figures.style import DARK, LIGHT, darken
from support.drawn import drawn, pictures

RATE = 16_000
STEMS = ("tone", "noise")


def tone_and_noise(samples=2 * RATE):
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(samples) / RATE).expand(2, -1)
    return torch.stack([tone, 0.1 * torch.randn(2, samples, generator=torch.Generator().manual_seed(0))])


def draw(references, estimates, title=""):
    return drawn(comparison_figure(references, estimates, STEMS, RATE, title))


def test_each_stem_has_a_row_of_three_with_its_sdr():
    references = tone_and_noise()
    figure = draw(references, 0.9 * references, title="A song")
    assert figure.get_suptitle() == "A song"
    assert [axes.get_title() for axes in figure.axes[:3]] == ["reference", "estimate", "error"]
    assert [axes.get_ylabel() for axes in figure.axes[:6:3]] == ["tone\nSDR 20.0 dB", "noise\nSDR 20.0 dB"]
    assert len(pictures(figure)) == 6


def test_a_colour_is_one_level_in_all_pictures():
    references = tone_and_noise()
    reference, estimate, error, quieter, *_ = pictures(draw(references, 1.1 * references))
    assert reference.max() == pytest.approx(0, abs=1e-3)
    assert estimate.max() == pytest.approx(20 * np.log10(1.1), abs=1e-3)
    assert error.max() == pytest.approx(-20, abs=1e-3)
    assert quieter.max() < -10


def test_a_perfect_estimate_has_a_black_error():
    references = tone_and_noise()
    reference, estimate, error, *_ = pictures(draw(references, references.clone()))
    np.testing.assert_array_equal(reference, estimate)
    assert (error == -RANGE_DB).all()


def test_silence_is_named():
    references = tone_and_noise()
    references[1] = 0
    assert draw(references, references).axes[3].get_ylabel() == "noise\nsilent"
    assert all((picture == -RANGE_DB).all() for picture in pictures(draw(0 * references, 0 * references)))


@pytest.mark.parametrize("samples", [100, 4095, RATE])
def test_short_excerpts_are_drawn_without_a_warning(samples):
    assert len(pictures(draw(*[tone_and_noise(samples)] * 2))) == 6


def test_methods_are_shown_beside_the_reference_with_their_sdr():
    references = tone_and_noise()
    estimates = {"lite": 0.9 * references, "full": 1.01 * references}
    figure = drawn(methods_figure(references, estimates, {"lite": "#112233", "full": "#445566"}, STEMS, RATE))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["reference", "lite", "full"]
    assert [axes.get_ylabel() for axes in figure.axes[:6:3]] == ["tone", "noise"]
    notes = [text.get_text() for axes in figure.axes[:6] for text in axes.texts]
    assert notes == ["SDR 20.0 dB", "SDR 40.0 dB"] * 2
    assert [axes.lines[0].get_color() for axes in figure.axes[1:3]] == ["#112233", "#445566"]


def test_a_darkened_figure_keeps_its_pictures_and_arrangement():
    references = tone_and_noise()
    colours = {"lite": LIGHT.colour(1), "full": "#445566"}
    figure = drawn(methods_figure(references, {"lite": 0.9 * references, "full": references}, colours, STEMS, RATE))
    before = [axes.get_position().bounds for axes in figure.axes], pictures(figure)
    darken(figure)
    drawn(figure)
    assert [axes.get_position().bounds for axes in figure.axes] == before[0]
    assert all((new == old).all() for new, old in zip(pictures(figure), before[1], strict=True))
    titles = {axes.title.get_color() for axes in figure.axes[:3]}
    assert titles == {DARK.text}
    assert [axes.lines[0].get_color() for axes in figure.axes[1:3]] == [DARK.colour(1), "#445566"]
    assert {text.get_color() for axes in figure.axes[:6] for text in axes.texts} == {"white"}
