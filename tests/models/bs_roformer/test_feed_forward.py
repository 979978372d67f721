import math

import pytest
import torch

from bsroformer.models.bs_roformer.feed_forward import FeedForward


def test_it_is_norm_linear_exact_gelu_linear():
    feed_forward, x = FeedForward(6, mult=3), torch.randn(2, 5, 6)
    normed = x / x.square().mean(-1, keepdim=True).sqrt()
    hidden = feed_forward.expand(normed)
    assert hidden.shape == (2, 5, 18)
    activated = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    torch.testing.assert_close(feed_forward(x), feed_forward.contract(activated))


def test_dropout_acts_on_both_layers_in_training_only():
    feed_forward, x = FeedForward(6, dropout=0.5), torch.randn(20, 50, 6)
    first, second = feed_forward(x), feed_forward(x)
    assert (first == 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    both = (first != 0) & (second != 0)
    assert not torch.isclose(first[both], second[both]).all()  # other hidden features were left
    assert torch.equal(feed_forward.eval()(x), feed_forward(x))
