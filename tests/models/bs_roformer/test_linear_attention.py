import torch
import torch.nn.functional as F

from bsroformer.models.bs_roformer.linear_attention import LinearAttention

HEADS, DIM_HEAD, DIM = 3, 4, 10


def head_by_head(attention: LinearAttention, x: torch.Tensor) -> torch.Tensor:
    """Attend by definition: between the features of a head, as unit vectors along the sequence."""
    x = F.normalize(x, dim=-1) * DIM**0.5 * attention.norm.gamma
    to_q, to_k, to_v = attention.to_qkv.weight.chunk(3)
    found = []
    for head in range(HEADS):
        rows = slice(head * DIM_HEAD, (head + 1) * DIM_HEAD)
        q, k, v = ((x @ weight[rows].T).mT for weight in (to_q, to_k, to_v))  # (s e l) each
        q, k = (part / part.norm(dim=-1, keepdim=True) for part in (q, k))
        weights = (8 * attention.temperature[head].exp() * q @ k.mT).softmax(-1)
        found.append((weights @ v).mT)
    return torch.cat(found, dim=-1) @ attention.to_out.weight.T


def test_features_attend_to_features_head_by_head():
    attention = LinearAttention(DIM, HEADS, DIM_HEAD)
    torch.nn.init.normal_(attention.temperature)
    torch.nn.init.normal_(attention.norm.gamma)
    x = torch.randn(2, 50, DIM)
    torch.testing.assert_close(attention(x), head_by_head(attention, x))


def test_the_order_of_a_sequence_does_not_matter():
    attention, x = LinearAttention(DIM, HEADS, DIM_HEAD), torch.randn(2, 50, DIM)
    order = torch.randperm(50)
    torch.testing.assert_close(attention(x[:, order]), attention(x)[:, order])


def test_attention_dropout_acts_in_training_only():
    attention, x = LinearAttention(DIM, HEADS, DIM_HEAD, dropout=0.5), torch.randn(2, 50, DIM)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))
