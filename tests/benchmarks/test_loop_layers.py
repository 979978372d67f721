import copy

import pytest
import torch

from benchmarks.loop_layers import with_loops
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer

CHANGES = {
    "fixed bands": {},
    "mel bands": {"bands": {"layout": "mel", "count": 5}, "stft": {"n_fft": 64, "hop_length": 16}},
    "two hidden layers": {"masks": {"expansion": 2, "hidden_layers": 2}},
    "no hidden layer": {"masks": {"expansion": 1, "hidden_layers": 0}},
    "masks without bin 0": {"masks": {"expansion": 1, "zero_dc": True}},
    "mono, one stem": {"channels": 1, "stems": ["vocals"]},
}


@pytest.fixture(params=CHANGES.values(), ids=CHANGES)
def grouped(request, tiny_tree) -> BandSplitRoformer:
    model = BandSplitRoformer(ModelSettings.from_dict({**tiny_tree, **request.param}))
    for name, parameter in model.named_parameters():
        if "gamma" in name:  # all ones at first, which would hide a scale of another band
            torch.nn.init.normal_(parameter)
    return model


def test_loops_over_bands_and_stems_equal_grouped_layers_in_values_and_gradients(grouped):
    looped = with_loops(grouped)
    mixture = torch.randn(2, grouped.settings.channels, 800, requires_grad=True)
    outputs = grouped(mixture), looped(mixture)
    torch.testing.assert_close(*outputs)
    weights = torch.randn_like(outputs[0])
    gradients = [torch.autograd.grad((output * weights).sum(), mixture)[0] for output in outputs]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_loops_hold_the_same_weights_in_more_tensors(grouped):
    looped = with_loops(grouped)
    tensors = {model: [parameter.numel() for parameter in model.parameters()] for model in (grouped, looped)}
    assert sum(tensors[looped]) == sum(tensors[grouped])
    assert len(tensors[looped]) > len(tensors[grouped])


def test_the_model_itself_is_left_as_it_is(grouped):
    before = copy.deepcopy(grouped.state_dict())
    with torch.no_grad():
        for parameter in with_loops(grouped).parameters():
            parameter.zero_()
    torch.testing.assert_close(grouped.state_dict(), before, rtol=0, atol=0)
