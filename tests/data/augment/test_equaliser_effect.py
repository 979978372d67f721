import numpy as np
import pytest
import torch

from bsroformer.data.augment import Equaliser


def response_db(effect: Equaliser, rate: int, seed: int) -> np.ndarray:
    """Gain in dB over frequency, from a click."""
    click = torch.zeros(1, 2 * rate)
    click[0, 0] = 1
    changed = effect(click, rate, np.random.default_rng(seed))
    return 20 * np.log10(np.abs(np.fft.rfft(changed[0].numpy())) + 1e-12)


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_the_bands_add_up_to_no_more_than_their_gains(rate):
    for seed in range(20):
        gain = response_db(Equaliser(1.0, (2, 2), (-6.0, 6.0), (60.0, 12_000.0), (0.4, 2.0)), rate, seed)
        assert -12.2 < gain.min() < gain.max() < 12.2
        assert np.ptp(gain) > 0.1


def test_bells_and_both_shelves_occur():
    shapes = set()
    for seed in range(20):
        gain = response_db(Equaliser(1.0, (1, 1), (6.0, 6.0), (1000.0, 1000.0), (1.0, 1.0)), 44_100, seed)
        shapes.add((round(gain[2 * 20]), round(gain[2 * 1000]), round(gain[2 * 20_000])))  # half a hertz a bin
    assert shapes == {(0, 6, 0), (6, 3, 0), (0, 3, 6)}


def test_no_gain_is_no_change():
    stem = torch.randn(2, 4000)
    changed = Equaliser(1.0, (4, 4), (0.0, 0.0), (60.0, 12_000.0), (0.4, 2.0))(stem, 44_100, np.random.default_rng(0))
    torch.testing.assert_close(changed, stem, rtol=0, atol=1e-4)
