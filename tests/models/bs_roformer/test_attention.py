import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.models.bs_roformer.attention import Attention, attend
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding, rotate_pairs

HEADS, DIM_HEAD = 3, 4


@pytest.fixture
def attention() -> Attention:
    attention = Attention(dim=10, heads=HEADS, dim_head=DIM_HEAD).eval()
    torch.nn.init.normal_(attention.norm.gamma)
    return attention


def plain_softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v


def head_by_head(attention: Attention, x: Tensor) -> Tensor:
    """Attend by the public implementation's formula; ``to_qkv`` holds queries, keys, values, each head after head."""
    x = F.normalize(x, dim=-1) * x.shape[-1] ** 0.5 * attention.norm.gamma
    cos, sin = RotaryEmbedding(DIM_HEAD)(x.shape[1])
    to_q, to_k, to_v = attention.to_qkv.weight.chunk(3)
    found = []
    for head in range(HEADS):
        rows = slice(head * DIM_HEAD, (head + 1) * DIM_HEAD)
        q, k, v = x @ to_q[rows].T, x @ to_k[rows].T, x @ to_v[rows].T
        gate = (x @ attention.to_gates.weight[head] + attention.to_gates.bias[head]).sigmoid()
        found.append(plain_softmax(rotate_pairs(q, cos, sin), rotate_pairs(k, cos, sin), v) * gate[..., None])
    return torch.cat(found, dim=-1) @ attention.to_out.weight.T


@pytest.mark.parametrize("length", [1, 2, 9])
def test_attention_equals_a_gated_softmax_for_each_head(attention, length):
    x = torch.randn(5, length, 10, requires_grad=True)
    found, expected = attention(x, *RotaryEmbedding(DIM_HEAD)(length)), head_by_head(attention, x)
    torch.testing.assert_close(found, expected)
    inputs, weights = [x, *attention.parameters()], torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
    )


def test_a_closed_gate_silences_its_head_alone(attention):
    x, rotary = torch.randn(2, 6, 10), RotaryEmbedding(DIM_HEAD)(6)
    with torch.no_grad():
        before = attention(x, *rotary)
        attention.to_gates.weight.zero_()
        attention.to_gates.bias.copy_(torch.tensor([-1e3, 1e3, 1e3]))
        closed = attention(x, *rotary)
        attention.to_out.weight[:, :DIM_HEAD] = 7.0  # the weights of the closed head
        assert torch.equal(attention(x, *rotary), closed)
        assert not torch.allclose(before, closed)


def test_sequences_of_a_batch_do_not_see_each_other(attention):
    x, rotary = torch.randn(4, 6, 10), RotaryEmbedding(DIM_HEAD)(6)
    torch.testing.assert_close(attention(x, *rotary)[2:3], attention(x[2:3], *rotary))


def test_cpu_attention_trains_in_float32_under_autocast():
    q, k, v = (torch.randn(2, HEADS, 9, DIM_HEAD).bfloat16().requires_grad_() for _ in range(3))
    with torch.autocast("cpu", torch.bfloat16):
        found = attend(q, k, v, dropout=0.0)
        with torch.no_grad():
            assert attend(q, k, v, dropout=0.0).dtype == torch.bfloat16
    in_float32 = [each.detach().float().requires_grad_() for each in (q, k, v)]
    expected = plain_softmax(*in_float32)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    for gradient, exact in zip(
        torch.autograd.grad((found * weights).sum(), (q, k, v)),
        torch.autograd.grad((expected * weights).sum(), in_float32),
        strict=True,
    ):
        torch.testing.assert_close(gradient, exact.bfloat16())


@pytest.mark.parametrize("training", [True, False])
def test_dropout_acts_in_training_only(training):
    attention = Attention(10, HEADS, DIM_HEAD, dropout=0.5).train(training)
    x, rotary = torch.randn(2, 6, 10), RotaryEmbedding(DIM_HEAD)(6)
    assert torch.equal(attention(x, *rotary), attention(x, *rotary)) != training
