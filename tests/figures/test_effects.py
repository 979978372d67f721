import numpy as np
import pytest
import torch

from bsroformer.figures import effects_figure
from bsroformer.figures.effects import same_spectrogram
from support.drawn import drawn, pictures

RATE = 16_000


def noise(frames=RATE, channels=2):
    return 0.1 * torch.randn(channels, frames, generator=torch.Generator().manual_seed(0))


def draw(pairs):
    return drawn(effects_figure(pairs, RATE))


def test_each_effect_has_a_row_of_two_spectrograms_on_one_scale():
    stem = noise()
    figure = draw({"quieter": (stem, 0.1 * stem), "time_reversal": (stem, stem.flip(-1))})
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[:4] == ["quieter", "", "time reversal", ""]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["before", "after"]
    before, after, again, backwards = pictures(figure)
    np.testing.assert_array_equal(before, again)
    assert after.max() == pytest.approx(before.max() - 20, abs=1e-3)
    assert not np.array_equal(backwards, before)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_change_of_sign_and_a_swap_are_drawn_as_waveforms(channels):
    stem = noise(channels=channels) * torch.tensor([[1.0], [0.2]])[:channels]
    figure = draw({"polarity": (stem, -stem), "channel_swap": (stem, stem.flip(0))})
    assert not pictures(figure)
    before, negated, _, swapped = (
        [line.get_ydata() - np.mean(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) > 2]
        for axes in figure.axes[:4]
    )
    assert len(before) == channels
    for n in range(channels):
        np.testing.assert_allclose(negated[n], -before[n], atol=1e-6)
        np.testing.assert_allclose(swapped[n], before[-1 - n], atol=1e-6)


def test_a_longer_stem_is_drawn_on_the_same_scale_of_time():
    figure = draw({"stretch": (noise(RATE), noise(2 * RATE))})
    assert [axes.get_xlim() for axes in figure.axes[:2]] == [(0, 2), (0, 2)]
    assert [axes.images[0].get_extent()[1] for axes in figure.axes[:2]] == [1, 2]


@pytest.mark.parametrize("frames", [100, RATE])
def test_silent_and_short_stems_are_drawn(frames):
    draw({"reverb": (torch.zeros(2, frames), torch.zeros(2, frames)), "gain": (noise(frames), 2 * noise(frames))})


def test_same_spectrograms_need_the_same_levels_and_length():
    stem = noise()
    assert same_spectrogram(stem, -stem, RATE)
    assert not same_spectrogram(stem, 1.1 * stem, RATE)
    assert not same_spectrogram(stem, stem[:, :-1], RATE)
