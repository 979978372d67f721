import math

import pytest
import torch

from bsroformer.models.spectral_compression.attention import SelfAttention
from bsroformer.models.spectral_compression.cross_attention import QueryAttention


def normed(x):
    return x / x.square().mean(-1, keepdim=True).sqrt()


@pytest.mark.parametrize("grad", [False, True])
def test_queries_attend_by_similarity_plus_bias(grad):
    """Against loops over heads, in the order of the formula."""
    attention, x = QueryAttention(6, heads=2, hidden=5, bias=torch.randn(4, 7)), torch.randn(3, 7, 6)
    torch.nn.init.normal_(attention.bias)
    q = normed(attention.queries) @ attention.to_q.weight.T  # (q d)
    k, v = (normed(x) @ attention.to_kv.weight.T).chunk(2, dim=-1)  # (s l d) each
    heads = []
    for head in range(2):
        own = slice(3 * head, 3 * head + 3)
        logits = q[:, own] @ k[..., own].mT / math.sqrt(3) + attention.bias[head]
        heads.append(logits.softmax(dim=-1) @ v[..., own])
    attended = torch.cat(heads, dim=-1) @ attention.to_out.weight.T
    expected = attended + attention.feed_forward(attended)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(attention(x), expected)


def test_a_strong_bias_selects_one_position():
    bias = torch.full((1, 5), -1e4)
    bias[0, 3] = 0
    attention, x = QueryAttention(4, heads=1, hidden=5, bias=bias), torch.randn(2, 5, 4)
    changed = x.clone()
    changed[:, :3] += 1
    torch.testing.assert_close(attention(changed), attention(x))
    changed[:, 3] = torch.randn(2, 4)
    assert not torch.allclose(attention(changed), attention(x))


def test_the_bias_and_the_queries_are_learned():
    attention = QueryAttention(4, heads=2, hidden=5, bias=torch.zeros(3, 5))
    attention(torch.randn(2, 5, 4)).square().sum().backward()
    assert attention.bias.shape == (2, 3, 5)
    assert attention.bias.grad.any() and attention.queries.grad.any()


def test_self_attention_equals_the_formula():
    attention, x = SelfAttention(6, heads=2, dim_head=4, groups=1), torch.randn(3, 5, 6)
    q, k, v = (normed(x) @ attention.to_qkv.weight.T).chunk(3, dim=-1)  # (s l he)
    heads = []
    for head in range(2):
        own = slice(4 * head, 4 * head + 4)
        heads.append((q[..., own] @ k[..., own].mT / 2).softmax(dim=-1) @ v[..., own])
    torch.testing.assert_close(attention(x), torch.cat(heads, dim=-1) @ attention.to_out.weight.T)
