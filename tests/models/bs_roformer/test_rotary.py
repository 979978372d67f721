import pytest
import torch

from bsroformer.models.bs_roformer.rotary import RotaryEmbedding, rotate_pairs, rotated_heads


def by_complex_numbers(x: torch.Tensor, theta: float = 10_000.0) -> torch.Tensor:
    """Rotate by definition: features 2i and 2i+1 as a complex number, by ``position * theta ** (-2i / e)``."""
    length, features = x.shape[-2:]
    frequencies = theta ** (-torch.arange(0, features, 2, dtype=torch.float64) / features)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
    numbers = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)))
    turned = numbers * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2)


@pytest.mark.parametrize("features", [2, 8, 48])
@pytest.mark.parametrize("length", [1, 2, 300])
def test_rotation_is_multiplication_by_unit_complex_numbers(features, length):
    x = torch.randn(3, 2, length, features)
    rotated = rotate_pairs(x, *RotaryEmbedding(features)(length))
    torch.testing.assert_close(rotated.double(), by_complex_numbers(x), rtol=0, atol=1e-4)


def test_another_base_turns_at_other_speeds():
    x = torch.randn(1, 20, 8)
    rotated = rotate_pairs(x, *RotaryEmbedding(8, theta=100.0)(20))
    torch.testing.assert_close(rotated.double(), by_complex_numbers(x, 100.0), rtol=0, atol=1e-5)


def test_dot_products_depend_on_the_distance_of_positions_alone():
    length, tables = 50, RotaryEmbedding(16)(50)
    query, key = (rotate_pairs(torch.randn(16).expand(length, 16), *tables) for _ in range(2))
    products = query @ key.T  # (l l)
    for distance in range(-length + 1, length):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-4)
    assert products[0].std() > 0.1  # and they do depend on it


def test_lengths_of_vectors_are_kept():
    x = torch.randn(5, 30, 16)
    torch.testing.assert_close(rotate_pairs(x, *RotaryEmbedding(16)(30)).norm(dim=-1), x.norm(dim=-1))


def test_half_precision_is_rotated_in_float32():
    x, tables = torch.randn(4, 200, 8).bfloat16(), RotaryEmbedding(8)(200)
    rotated = rotate_pairs(x, *tables)
    assert rotated.dtype == torch.bfloat16
    assert torch.equal(rotated, rotate_pairs(x.float(), *tables).bfloat16())


def test_frequencies_are_saved_and_not_trained():
    rotary = RotaryEmbedding(8)
    assert list(rotary.state_dict()) == ["inverse_frequencies"]
    assert not list(rotary.parameters())


def test_rounded_frequencies_are_used_unchanged():
    rotary, x = RotaryEmbedding(8), torch.randn(1, 3000, 8)
    usual = rotate_pairs(x, *rotary(3000))
    rotary.load_state_dict({"inverse_frequencies": rotary.inverse_frequencies.bfloat16()})
    assert not torch.allclose(rotate_pairs(x, *rotary(3000)), usual, atol=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_heads_are_separated_and_rotated_with_exact_gradients(dtype, monkeypatch):
    qkv = torch.randn(4, 9, 3, 2, 8).to(dtype).requires_grad_()
    tables = RotaryEmbedding(8)(9)
    weights = torch.randn(3, 4, 2, 9, 8).to(dtype)
    results = []
    for is_compiling in (False, True):  # a compiler differentiates the plain formula
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda answer=is_compiling: answer)
        heads = rotated_heads(qkv, *tables)
        [gradient] = torch.autograd.grad(heads, qkv, tuple(weights))
        results.append((*heads, gradient))
    for explicit, plain in zip(*results, strict=True):
        assert explicit.dtype == dtype
        # In bfloat16 the plain formula adds gradients that are already rounded.
        rtol, atol = (1e-2, 2e-2) if dtype == torch.bfloat16 else (1e-5, 1e-6)
        torch.testing.assert_close(explicit, plain, rtol=rtol, atol=atol)
