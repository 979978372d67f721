import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss, MultiResolutionLoss, WeightedSum
from support.launched import composed

DOMAIN = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=64, hop_length=16)
RESOLUTION = MultiResolutionLoss((64, 32), 16, 64)


def noise() -> torch.Tensor:
    return torch.randn(2, 3, 2, 400)


def test_the_loss_is_the_weighted_sum_of_its_parts():
    estimate, target = noise(), noise()
    total, _ = WeightedSum({"a": DOMAIN, "b": RESOLUTION}, {"a": 2.0, "b": 0.5})(estimate, target)
    torch.testing.assert_close(total, 2 * DOMAIN(estimate, target)[0] + 0.5 * RESOLUTION(estimate, target)[0])


def test_every_term_of_every_loss_keeps_its_name():
    estimate, target = noise(), noise()
    _, terms = WeightedSum({"a": DOMAIN, "b": RESOLUTION}, {"a": 2.0, "b": 0.5})(estimate, target)
    assert terms == {**DOMAIN(estimate, target)[1], **RESOLUTION(estimate, target)[1]}
    assert list(terms) == ["magnitude", "complex", "si_sdr", "sdr", "waveform", "stft_64", "stft_32"]


def test_a_part_alone_is_itself():
    estimate, target = noise(), noise()
    total, terms = WeightedSum({"a": DOMAIN}, {"a": 1.0})(estimate, target)
    assert (total, terms) == DOMAIN(estimate, target)


def test_two_terms_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"loss\.parts\.b has a term complex, as another part has"):
        WeightedSum({"a": DOMAIN, "b": DOMAIN}, {"a": 1.0, "b": 1.0})(noise(), noise())


@pytest.mark.parametrize("weights", [{}, {"a": 1.0, "b": 1.0}])
def test_losses_and_weights_must_have_the_same_names(weights):
    with pytest.raises(InputError, match=r"loss\.parts and loss\.weights must have the same names; [ab] is in one"):
        WeightedSum({"a": DOMAIN}, weights)


def test_gradients_are_finite_and_halves_are_compared_in_float32():
    loss, estimate, target = WeightedSum({"a": DOMAIN, "b": RESOLUTION}, {"a": 1.0, "b": 1.0}), noise(), noise()
    target[:, 0] = 0
    estimate = estimate.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        total, _ = loss(estimate, target)
    total.backward()
    assert total.dtype == torch.float32
    assert estimate.grad.isfinite().all()


def test_its_configuration_is_the_two_losses():
    loss = composed("train", "loss=multi_domain_and_resolution").loss.build()
    assert {name: type(part) for name, part in loss.parts.items()} == {
        "multi_domain": MultiDomainLoss,
        "multi_resolution": MultiResolutionLoss,
    }
