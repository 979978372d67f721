from functools import partial

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss
from bsroformer.training.step import noise_stems, plain_step


@pytest.fixture
def loss() -> MultiDomainLoss:
    return MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16)


@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_steps_lower_the_loss(tiny_model, loss, half):
    stems = noise_stems(tiny_model.settings, 1, 0.1)
    step = plain_step(tiny_model, loss, partial(torch.optim.AdamW, lr=1e-2), stems, half)
    before = step.forward().item()
    for _ in range(5):
        step()
    assert step.forward().item() < before
    assert all(parameter.grad is None for parameter in tiny_model.parameters())


def test_noise_has_the_shape_of_a_batch_and_is_reproducible(tiny_model):
    stems = noise_stems(tiny_model.settings, 3, 0.1)
    assert stems.shape == (3, 2, 2, 800)
    assert stems.std().item() == pytest.approx(0.1, rel=0.05)
    assert torch.equal(stems, noise_stems(tiny_model.settings, 3, 0.1))


@pytest.mark.parametrize(("batch_size", "seconds"), [(0, 1), (1, 0)])
def test_an_empty_batch_is_refused(tiny_model, batch_size, seconds):
    with pytest.raises(InputError, match=f"batch_size={batch_size} and seconds={seconds}"):
        noise_stems(tiny_model.settings, batch_size, seconds)
