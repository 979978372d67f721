from typing import Any

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer

PAPER_BANDS = [[24, 2], [12, 4], [8, 12], [8, 24], [8, 48], [1, 128], [1, 129]]


def build(tree: dict[str, Any]) -> BandSplitRoformer:
    return BandSplitRoformer(ModelSettings.from_dict(tree)).eval()


def gradients(model: BandSplitRoformer, mixture: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(1)  # for dropout
    output = model(mixture)
    return output.detach(), list(torch.autograd.grad(output.square().sum(), model.parameters()))


@pytest.mark.parametrize("length", [1, 2, 16, 17, 100, 1001])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("stems", [1, 3])
def test_stems_have_the_shape_of_the_mixture_at_any_length(tiny_tree, length, channels, stems):
    model = build(tiny_tree | {"channels": channels, "stems": [f"stem {n}" for n in range(stems)]})
    assert model(torch.randn(2, channels, length)).shape == (2, stems, channels, length)


def test_excerpts_of_a_batch_do_not_see_each_other(tiny_model):
    mixtures = torch.randn(3, 2, 300)
    separately = torch.cat([tiny_model(mixture.unsqueeze(0)) for mixture in mixtures])
    torch.testing.assert_close(tiny_model(mixtures), separately)


def test_silence_in_is_silence_out(tiny_model):
    assert (tiny_model(torch.zeros(1, 2, 300)) == 0).all()


@pytest.mark.parametrize(
    "bands", [{"layout": "fixed", "widths": [[2, 2], [1, 4], [1, 9]]}, {"layout": "mel", "count": 5}]
)
@pytest.mark.parametrize("norm", ["final", "each_transformer"])
@pytest.mark.parametrize("level", [1.0, 0.0])
def test_every_weight_gets_a_finite_gradient(tiny_tree, bands, norm, level):
    tiny_tree |= {"bands": bands, "trunk": tiny_tree["trunk"] | {"norm": norm, "linear_depth": 1}}
    _, grads = gradients(build(tiny_tree), level * torch.randn(1, 2, 300))
    assert all(grad.isfinite().all() for grad in grads)
    assert all(grad.any() for grad in grads) == (level > 0)


def test_skip_connections_add_all_earlier_outputs(tiny_tree):
    tiny_tree["trunk"] |= {"depth": 3, "skip_connection": True}
    model, x = build(tiny_tree), torch.randn(1, 5, 4, 8)
    rotary = model.time_rotary(5), model.band_rotary(4)
    first = model.blocks[0](x, None, *rotary)
    second = model.blocks[1](first, first, *rotary)
    third = model.blocks[2](second, first + second, *rotary)
    torch.testing.assert_close(model.trunk(x), model.final_norm(third))


def test_without_skip_connection_blocks_follow_each_other(tiny_tree):
    model, x = build(tiny_tree), torch.randn(1, 5, 4, 8)
    rotary = model.time_rotary(5), model.band_rotary(4)
    expected = model.final_norm(model.blocks[1](model.blocks[0](x, None, *rotary), None, *rotary))
    torch.testing.assert_close(model.trunk(x), expected)


@pytest.mark.parametrize("skip_connection", [False, True])
def test_activation_checkpointing_keeps_gradients(tiny_tree, skip_connection):
    tiny_tree["trunk"] |= {"dropout": 0.2, "skip_connection": skip_connection}
    model, mixture = build(tiny_tree).train(), torch.randn(2, 2, 300)
    runs = []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda *_: runs.append(1))
    expected = gradients(model, mixture)
    kept = len(runs)
    for recomputed in range(1, len(model.blocks) + 1):
        runs.clear()
        model.recomputed_blocks = recomputed
        torch.testing.assert_close(gradients(model, mixture), expected)
        assert len(runs) == kept + recomputed


def test_stems_under_autocast_are_float32_and_close(tiny_model):
    mixture = torch.randn(1, 2, 300)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        stems = tiny_model(mixture)
    assert stems.dtype == torch.float32
    torch.testing.assert_close(stems, tiny_model(mixture), rtol=0, atol=0.1)


@pytest.mark.parametrize(
    ("stems", "trunk", "expansion", "million"),
    [
        # arXiv 2309.02612, section 4.1: 72.2 M for one stem with six blocks.
        (1, {"dim": 384, "depth": 6, "heads": 8, "dim_head": 48}, 4, 72.17),
        # The public implementation's number of weights, counted for these sizes.
        (4, {"dim": 128, "depth": 4, "heads": 4, "dim_head": 32}, 1, 10.45),
        (4, {"dim": 128, "depth": 4, "heads": 4, "dim_head": 32}, 4, 35.3),
    ],
)
def test_the_number_of_weights_is_the_published_one(tiny_tree, stems, trunk, expansion, million):
    tiny_tree |= {
        "stems": [f"stem {n}" for n in range(stems)],
        "trunk": trunk,
        "masks": {"expansion": expansion},
    }
    tiny_tree |= {
        "stft": {"n_fft": 2048, "hop_length": 441},
        "bands": {"layout": "fixed", "widths": PAPER_BANDS},
    }
    weights = sum(parameter.numel() for parameter in build(tiny_tree).parameters())
    assert weights / 1e6 == pytest.approx(million, abs=0.05 if million == 35.3 else 0.005)


def test_the_model_is_rebuilt_from_its_settings(tiny_model):
    rebuilt = BandSplitRoformer(tiny_model.settings).eval()
    rebuilt.load_state_dict(tiny_model.state_dict())
    mixture = torch.randn(1, 2, 100)
    assert torch.equal(rebuilt(mixture), tiny_model(mixture))
    assert (rebuilt.stems, rebuilt.sample_rate) == (("vocals", "other"), 8000)


@pytest.mark.parametrize("shape", [(2, 100), (1, 1, 100), (1, 3, 100), (1, 1, 2, 100)])
def test_a_mixture_of_another_shape_is_rejected(tiny_model, shape):
    with pytest.raises(ValueError, match=r"takes \(batch, 2 channels, samples\), got "):
        tiny_model(torch.randn(shape))


def test_bands_that_do_not_fit_the_spectrum_are_rejected(tiny_tree):
    with pytest.raises(InputError, match=r"model\.bands\.widths sum to 17, but .* n_fft 64 has 33 bins"):
        build(tiny_tree | {"stft": {"n_fft": 64, "hop_length": 16}})


def test_masks_do_not_depend_on_the_level_of_the_mixture(tiny_model):
    mixture = torch.randn(1, 2, 700)
    with torch.inference_mode():
        torch.testing.assert_close(tiny_model(1000 * mixture), 1000 * tiny_model(mixture), rtol=1e-3, atol=1e-2)
