import pytest
import torch
import torch.nn.functional as F
from band_layouts import LAYOUTS
from einops import rearrange
from torch import Tensor

from bsroformer.models.bs_roformer.band_split import BandSplit
from bsroformer.models.bs_roformer.bands import BandLayout


def one_by_one(split: BandSplit, layout: BandLayout, spectrum: Tensor) -> Tensor:
    """Compute features in a loop over bands, with the public implementation's RMSNorm."""
    features = {}
    for group, gammas, linear in zip(layout.groups, split.gammas, split.linears, strict=True):
        for band, gamma, weight, bias in zip(group.bands, gammas, linear.weight, linear.bias, strict=True):
            bins = spectrum[:, :, list(layout.bins[band])]
            values = rearrange(bins, "b c f m z -> b m (f c z)")
            normed = F.normalize(values, dim=-1) * values.shape[-1] ** 0.5 * gamma
            features[band] = F.linear(normed, weight, bias)
    return torch.stack([features[band] for band in range(len(layout))], dim=2)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("channels", [1, 2])
def test_features_and_gradients_equal_a_loop_over_bands(layout, channels):
    split = BandSplit(layout, channels, dim=6)
    for gamma in split.gammas:
        torch.nn.init.normal_(gamma)
    spectrum = torch.randn(3, channels, layout.n_bins, 4, 2, requires_grad=True)
    features, expected = split(spectrum), one_by_one(split, layout, spectrum)
    assert features.shape == (3, 4, len(layout), 6)
    torch.testing.assert_close(features, expected)
    inputs, weights = [spectrum, *split.parameters()], torch.randn_like(features)
    torch.testing.assert_close(
        torch.autograd.grad((features * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        rtol=1e-4,
        atol=1e-5,
    )


def test_features_do_not_depend_on_the_level_of_a_band():
    layout = LAYOUTS["widths mixed"]
    split, spectrum = BandSplit(layout, 2, 6), torch.randn(1, 2, 17, 4, 2)
    torch.testing.assert_close(split(1e-3 * spectrum), split(spectrum))


def test_silence_has_finite_features_and_gradients():
    split = BandSplit(LAYOUTS["in order"], 2, 6)
    features = split(torch.zeros(1, 2, 19, 4, 2))
    features.sum().backward()
    assert features.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in split.parameters())


def test_features_are_float32_under_autocast():
    split, spectrum = BandSplit(LAYOUTS["mel"], 2, 6), torch.randn(1, 2, 65, 4, 2)
    with torch.autocast("cpu", torch.bfloat16):
        features = split(spectrum)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, split(spectrum), rtol=0, atol=0.05)
