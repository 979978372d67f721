import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bsroformer.models.bs_roformer.rotary import RotaryEmbedding
from bsroformer.models.bs_roformer.settings import TrunkSettings
from bsroformer.models.bs_roformer.transformer import Block, Transformer
from bsroformer.models.conv_swiglu import ConvSwiGLU

BANDS, FRAMES = 4, 7
ROTARY = RotaryEmbedding(4)


def trunk(**changes) -> TrunkSettings:
    return TrunkSettings(**({"dim": 8, "depth": 1, "heads": 2, "dim_head": 4} | changes))


@pytest.mark.parametrize("norm", ["final", "each_transformer"])
def test_a_layer_adds_attention_then_feed_forward(norm):
    transformer, x, rotary = Transformer(2, trunk(norm=norm)), torch.randn(3, 5, 8), ROTARY(5)
    expected = x
    for attention, feed_forward in zip(transformer.attentions, transformer.feed_forwards, strict=True):
        expected = expected + attention(expected, *rotary)
        expected = expected + feed_forward(expected)
    if norm == "each_transformer":
        expected = expected / expected.square().mean(-1, keepdim=True).sqrt()
    torch.testing.assert_close(transformer(x, *rotary), expected)


def test_a_block_transforms_time_then_bands():
    block, x = Block(trunk(time_depth=2, band_depth=3)), torch.randn(2, FRAMES, BANDS, 8)
    assert (len(block.time.attentions), len(block.band.attentions)) == (2, 3)
    along_time = torch.stack([block.time(x[:, :, band], *ROTARY(FRAMES)) for band in range(BANDS)], dim=2)
    expected = torch.stack([block.band(along_time[:, frame], *ROTARY(BANDS)) for frame in range(FRAMES)], dim=1)
    torch.testing.assert_close(block(x, None, ROTARY(FRAMES), ROTARY(BANDS)), expected)


def test_feed_forward_networks_may_have_convolutions():
    convolution = {"hidden": 6, "kernel": 3, "norm_groups": 2}
    block = Block(trunk(convolution=convolution))
    x = torch.randn(1, FRAMES, BANDS, 8, requires_grad=True)
    network = block.time.feed_forwards[0]
    assert isinstance(network, ConvSwiGLU)
    assert network.expand.weight.shape == (2 * 6, 8, 3)
    [gradient] = torch.autograd.grad(network(x[:, :, 0])[0, 3].sum(), x)
    assert gradient[0, :, 0].any(-1).nonzero().flatten().tolist() == [1, 2, 3, 4, 5]


def test_convolutions_need_groups_that_divide_the_features():
    with pytest.raises(ValidationError, match=r"dim must be a multiple of convolution\.norm_groups, got 8 and 3"):
        trunk(convolution={"hidden": 6, "norm_groups": 3})


def test_dropout_reaches_every_layer():
    block = Block(trunk(dropout=0.25, time_depth=2))
    modules = list(block.modules())
    assert {module.p for module in modules if isinstance(module, nn.Dropout)} == {0.25}
    assert {attention.dropout for attention in (*block.time.attentions, *block.band.attentions)} == {0.25}


def test_a_linear_transformer_precedes_the_skip_connection():
    block = Block(trunk(linear_depth=2))
    x, earlier = torch.randn(2, 2, FRAMES, BANDS, 8)
    rotary = ROTARY(FRAMES), ROTARY(BANDS)
    assert len(block.linear.attentions) == 2
    everything = block.linear(x.flatten(1, 2)).unflatten(1, (FRAMES, BANDS))
    usual = Block(trunk())
    usual.load_state_dict({name: tensor for name, tensor in block.state_dict().items() if "linear." not in name})
    torch.testing.assert_close(block(x, earlier, *rotary), usual(everything + earlier, None, *rotary))


def test_attention_may_have_a_dropout_of_its_own():
    block = Block(trunk(dropout=0.25, attention_dropout=0.5, linear_depth=1))
    assert {attention.dropout for attention in block.time.attentions} == {0.5}
    assert block.linear.attentions[0].dropout.p == 0.5
    assert block.time.feed_forwards[0].dropout.p == 0.25
