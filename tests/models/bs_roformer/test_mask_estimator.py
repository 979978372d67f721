import pytest
import torch
import torch.nn.functional as F
from band_layouts import LAYOUTS
from einops import rearrange
from torch import Tensor

from bsroformer.models.bs_roformer.band_linear import BandLinear
from bsroformer.models.bs_roformer.bands import BandLayout
from bsroformer.models.bs_roformer.mask_estimator import MaskEstimators
from bsroformer.models.bs_roformer.settings import MaskSettings

STEMS, DIM = 3, 6


def estimators(
    layout: BandLayout, channels: int = 2, hidden: int = 1, zero_dc: bool = False, shared: bool = False
) -> MaskEstimators:
    settings = MaskSettings(expansion=2, hidden_layers=hidden, zero_dc=zero_dc, shared=shared)
    return MaskEstimators(layout, STEMS, channels, DIM, settings)


def weights_of(linear: BandLinear, place: int, stem: int, shared: bool = False) -> tuple[Tensor, Tensor]:
    """Return weight and bias of one band and stem; `place` is the band's index in the layer."""
    if shared:
        return linear.weight[place], linear.bias[place]
    if linear.fan_out == 1:  # stems have inputs of their own, band after band
        return linear.weight[STEMS * place + stem], linear.bias[STEMS * place + stem]
    return linear.weight[place].chunk(STEMS)[stem], linear.bias[place].chunk(STEMS)[stem]


def one_by_one(masks: MaskEstimators, layout: BandLayout, features: Tensor, shared: bool) -> Tensor:
    """Compute masks in a loop over stems and bands, adding each band's mask to its bins."""
    channels, (batch, frames) = masks.channels, features.shape[:2]
    stems = []
    for stem in range(STEMS):
        summed = torch.zeros(batch, channels, layout.n_bins, frames, 2)
        for group, output in zip(layout.groups, masks.outputs, strict=True):
            for place, band in enumerate(group.bands):
                x = features[:, :, band]  # (b m d)
                for hidden in masks.hidden:
                    x = F.linear(x, *weights_of(hidden, layout.grouped_bands.index(band), stem, shared)).tanh()
                values = F.glu(F.linear(x, *weights_of(output, place, stem)))
                values = rearrange(values, "b m (f c z) -> b c f m z", c=channels, z=2)
                summed = summed.index_add(2, torch.tensor(layout.bins[band]), values)
        stems.append(summed / layout.bands_per_bin()[:, None, None])
    return torch.stack(stems, dim=1)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("hidden", "shared"), [(0, False), (1, False), (2, False), (1, True), (2, True)])
def test_masks_and_gradients_equal_a_loop_over_bands(layout, channels, hidden, shared):
    masks = estimators(layout, channels, hidden, shared=shared)
    features = torch.randn(2, 4, len(layout), DIM, requires_grad=True)
    found, expected = masks(features), one_by_one(masks, layout, features, shared)
    assert found.shape == (2, STEMS, channels, layout.n_bins, 4, 2)
    torch.testing.assert_close(found, expected)
    inputs, weights = [features, *masks.parameters()], torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        rtol=1e-4,
        atol=1e-5,
    )


def test_where_bands_overlap_their_masks_are_averaged():
    masks = estimators(LAYOUTS["overlapping"], channels=1, hidden=0)
    with torch.no_grad():
        for group, output in zip(LAYOUTS["overlapping"].groups, masks.outputs, strict=True):
            output.weight.zero_()
            for place, band in enumerate(group.bands):
                values, gates = output.bias[place].view(STEMS, 2, -1).unbind(1)
                values.fill_(band + 1.0)  # band k asks for (k + 1)(1 + i)
                gates.fill_(100.0)  # open
    real = masks(torch.randn(1, 1, 4, DIM))[0, 0, 0, :, 0, 0]
    torch.testing.assert_close(real, torch.tensor([1.0, (1 + 2) / 2, (1 + 3) / 2, 3.0, (3 + 4) / 2]))


@pytest.mark.parametrize("layout", ["in order", "overlapping"])
def test_zero_dc_empties_bin_0_and_no_other(layout):
    layout = LAYOUTS[layout]
    masks, without = estimators(layout), estimators(layout, zero_dc=True)
    without.load_state_dict(masks.state_dict())
    features = torch.randn(2, 4, len(layout), DIM)
    assert (without(features)[..., 0, :, :] == 0).all()
    assert torch.equal(without(features)[..., 1:, :, :], masks(features)[..., 1:, :, :])


def test_masks_are_float32_under_autocast():
    masks, features = estimators(LAYOUTS["mel"]), torch.randn(1, 4, 8, DIM)
    with torch.autocast("cpu", torch.bfloat16):
        found = masks(features)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, masks(features), rtol=0, atol=0.05)


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_masks_begin_around_an_equal_share_of_the_mixture(hidden):
    masks = estimators(LAYOUTS["in order"], hidden=hidden)(torch.randn(4, 50, 6, DIM))
    real, imaginary = masks.mean(dim=(0, 2, 3, 4)).unbind(-1)  # by stem
    torch.testing.assert_close(real, torch.full((STEMS,), 1 / STEMS), rtol=0, atol=0.15)
    torch.testing.assert_close(imaginary, torch.zeros(STEMS), rtol=0, atol=0.15)


@pytest.mark.parametrize("layout", ["in order", "mel"])
@pytest.mark.parametrize(("hidden", "shared"), [(0, False), (1, False), (2, False), (2, True)])
@pytest.mark.parametrize("chosen", [[0], [2, 0], [2, 1, 0]])
def test_the_weights_of_some_stems_estimate_their_masks(layout, hidden, shared, chosen):
    masks = estimators(LAYOUTS[layout], hidden=hidden, shared=shared)
    features = torch.randn(2, 4, len(LAYOUTS[layout]), DIM)
    settings = MaskSettings(expansion=2, hidden_layers=hidden, shared=shared)
    fewer = MaskEstimators(LAYOUTS[layout], len(chosen), 2, DIM, settings)
    fewer.load_state_dict(masks.state_dict() | masks.weights_of(chosen))
    torch.testing.assert_close(fewer(features), masks(features)[:, chosen])


@pytest.mark.parametrize(("expansion", "width"), [(0.5, 3), (0.05, 1), (1.5, 9), (2, 12)])
def test_the_width_of_hidden_layers_may_be_a_fraction(expansion, width):
    masks = MaskEstimators(LAYOUTS["in order"], STEMS, 2, DIM, MaskSettings(expansion=expansion))
    assert masks.hidden[0].weight.shape == (6, STEMS * width, DIM)
