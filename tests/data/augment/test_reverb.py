import numpy as np
import pytest
import torch

from bsroformer.data.augment import Reverb

RATE = 16_000


def test_reverberation_follows_the_unchanged_direct_sound():
    click = torch.zeros(2, RATE)
    click[:, 1000] = 1
    changed = Reverb(1.0, (0.5, 0.5), (-6.0, -6.0))(click, RATE, np.random.default_rng(0))
    room = changed - click
    assert room[:, :1064].abs().max() < 1e-6  # nothing earlier than 4 ms after the sound
    assert room.square().sum(1).numpy() == pytest.approx([10**-0.6] * 2, rel=1e-3)
    assert abs(torch.corrcoef(room)[0, 1]) < 0.2


def test_a_faint_reverb_is_almost_inaudible():
    stem = torch.randn(2, RATE)
    changed = Reverb(1.0, (0.5, 0.5), (-100.0, -100.0))(stem, RATE, np.random.default_rng(0))
    torch.testing.assert_close(changed, stem, rtol=0, atol=1e-4)
