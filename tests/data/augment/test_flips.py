import numpy as np
import pytest
import torch

from bsroformer.data.augment import ChannelSwap, Polarity, TimeReversal

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("effect", [ChannelSwap(1.0), Polarity(1.0), TimeReversal(1.0)], ids=lambda e: type(e).__name__)
def test_twice_is_not_at_all(effect):
    stem = torch.randn(2, 100)
    once = effect(stem, 44_100, RNG)
    assert not torch.equal(once, stem)
    assert torch.equal(effect(once, 44_100, RNG), stem)


def test_each_flip_reverses_its_axis():
    stem = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert ChannelSwap(1.0)(stem, 44_100, RNG).tolist() == [[4, 5, 6], [1, 2, 3]]
    assert Polarity(1.0)(stem, 44_100, RNG).tolist() == [[-1, -2, -3], [-4, -5, -6]]
    assert TimeReversal(1.0)(stem, 44_100, RNG).tolist() == [[3, 2, 1], [6, 5, 4]]


def test_mono_has_nothing_to_swap():
    stem = torch.randn(1, 100)
    assert torch.equal(ChannelSwap(1.0)(stem, 44_100, RNG), stem)
