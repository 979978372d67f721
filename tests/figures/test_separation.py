import warnings

import numpy as np
import pytest
import torch

from bsroformer.figures import busiest_excerpt, separation_figure
from bsroformer.figures.spectrogram import RANGE_DB

RATE = 16_000
STEMS = ("tone", "noise")


def tone_and_noise(seconds=2.0):
    time = torch.arange(int(seconds * RATE)) / RATE
    tone = torch.sin(2 * torch.pi * 1000 * time).expand(2, -1)
    noise = 0.1 * torch.randn(2, len(time), generator=torch.Generator().manual_seed(0))
    return torch.stack([tone, noise])


def draw(targets, estimates, **settings):
    figure = separation_figure(targets.sum(0), targets, estimates, STEMS, RATE, **settings)
    figure.canvas.draw()
    return figure


def pictures(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_the_figure_has_mixture_stems_estimates_and_scores():
    targets = tone_and_noise()
    figure = draw(targets, targets + 0.1 * targets.flip(0), title="A song")
    assert figure.get_suptitle() == "A song"
    assert len(pictures(figure)) == 5
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[1::2][:2] == ["tone", "noise"]
    assert titles[2] == "SI-SDR 37.0 dB"  # 20 dB for the gain of the leak and 17 for a sine against noise of 0.1


def test_a_perfect_estimate_looks_like_its_reference():
    targets = tone_and_noise()
    mixture, tone, tone_estimate, noise, noise_estimate = pictures(draw(targets, targets))
    np.testing.assert_array_equal(tone, tone_estimate)
    np.testing.assert_array_equal(noise, noise_estimate)
    assert mixture.max() == pytest.approx(0, abs=1e-4)


def test_a_tone_is_brightest_at_its_frequency():
    targets = tone_and_noise()
    figure = draw(targets, targets)
    image = figure.axes[1].images[0]
    row = np.asarray(image.get_array())[:, 5].argmax()
    _, _, lowest, highest = image.get_extent()
    hertz = 10 ** (lowest + row / (len(image.get_array()) - 1) * (highest - lowest))
    assert hertz == pytest.approx(1000, rel=0.03)


def test_levels_are_relative_to_the_mixture():
    targets = tone_and_noise()
    quieter = pictures(draw(targets, targets * torch.tensor([0.1, 1.0])[:, None, None]))
    assert quieter[2].max() == pytest.approx(quieter[1].max() - 20, abs=0.01)


def test_silence_is_black_and_named():
    targets = tone_and_noise()
    targets[1] = 0
    figure = draw(targets, targets)
    assert figure.axes[4].get_title() == "silent"
    assert (pictures(figure)[3] == -RANGE_DB).all()
    assert all((picture == -RANGE_DB).all() for picture in pictures(draw(targets * 0, targets * 0)))


@pytest.mark.parametrize("samples", [100, 4095, 4096, RATE])
def test_short_signals_are_drawn_without_a_warning(samples):
    targets = tone_and_noise()[..., :samples]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(targets, targets)


def test_the_excerpt_is_where_every_stem_is_heard():
    targets = torch.zeros(2, 2, 20 * RATE)
    targets[0, :, : 12 * RATE] = 1
    targets[1, :, 9 * RATE :] = 1
    assert busiest_excerpt(targets, RATE, 3.0) == slice(9 * RATE, 12 * RATE)
    assert busiest_excerpt(targets, RATE, 30.0) == slice(None)


def test_a_silent_stem_does_not_affect_the_busiest_excerpt():
    targets = torch.zeros(2, 2, 20 * RATE)
    targets[0, :, 9 * RATE : 12 * RATE] = 1
    assert busiest_excerpt(targets, RATE, 3.0) == slice(9 * RATE, 12 * RATE)
    assert busiest_excerpt(0 * targets, RATE, 3.0) == slice(0, 3 * RATE)


def test_a_long_song_is_shown_in_an_excerpt():
    targets = tone_and_noise(seconds=5)
    assert draw(targets, targets, seconds=2.0).axes[0].get_xlim() == (0, 2)
