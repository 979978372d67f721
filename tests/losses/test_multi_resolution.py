import pytest
import torch

from bsroformer.losses import MultiResolutionLoss

PAPER_WINDOWS = (4096, 2048, 1024, 512, 256)  # arXiv 2309.02612, section 3.4


def noise(length: int = 5000) -> torch.Tensor:
    return torch.randn(2, 1, 2, length)


def test_the_loss_is_the_papers_formula_at_its_resolutions():
    estimate, target = noise(), noise()
    total, terms = MultiResolutionLoss(PAPER_WINDOWS, hop_length=147, n_fft=2048, weight=0.7)(estimate, target)
    assert list(terms) == ["waveform", *(f"stft_{window}" for window in PAPER_WINDOWS)]
    expected = (estimate - target).abs().mean()
    torch.testing.assert_close(terms["waveform"], expected)
    for window in PAPER_WINDOWS:
        estimated, true = (
            torch.stft(
                stems.flatten(0, -2),
                max(window, 2048),
                147,
                window,
                torch.hann_window(window),
                return_complex=True,
            )
            for stems in (estimate, target)
        )
        distance = (estimated - true).abs().mean()
        torch.testing.assert_close(terms[f"stft_{window}"], distance)
        expected = expected + 0.7 * distance
    torch.testing.assert_close(total, expected)


def test_the_loss_is_zero_for_the_target_and_grows_with_errors():
    loss, target, error = MultiResolutionLoss((64, 32), 16, 64), noise(300), noise(300)
    totals = [loss(target + size * error, target)[0].item() for size in (0.0, 0.1, 0.2)]
    assert totals[0] == 0
    assert totals[2] == pytest.approx(2 * totals[1], rel=1e-5)


@pytest.mark.parametrize("estimate", ["noise", "zero", "perfect"])
@pytest.mark.parametrize("silent", [False, True])
def test_loss_and_gradient_are_finite_for_silence_and_perfection(estimate, silent):
    target = noise(300) * (not silent)
    estimate = {"noise": noise(300), "zero": torch.zeros_like(target), "perfect": target.clone()}[estimate]
    total, _ = MultiResolutionLoss((64, 32), 16, 64)(estimate.requires_grad_(), target)
    total.backward()
    assert total.isfinite()
    assert estimate.grad.isfinite().all()


def test_halves_are_compared_in_float32():
    loss, estimate, target = MultiResolutionLoss((64, 32), 16, 64), noise(300).bfloat16(), noise(300)
    with torch.autocast("cpu", torch.bfloat16):
        total, _ = loss(estimate, target)
        assert total.dtype == torch.float32
    torch.testing.assert_close(total, loss(estimate.float(), target)[0], rtol=1e-6, atol=0)
