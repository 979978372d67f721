import pytest
import torch

from bsroformer.inference import Separator
from bsroformer.metrics.sdr import sdr
from bsroformer.models.abilities import (
    CompilesBlocks,
    ExportsRealCore,
    HasStemParts,
    RecomputesBlocks,
    SelectsStems,
)
from bsroformer.models.spectral_compression import SpectralCompression
from support import compression
from support.compression import small

ABILITIES = (CompilesBlocks, ExportsRealCore, HasStemParts, RecomputesBlocks, SelectsStems)


def gradients(model: SpectralCompression, mixture: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(1)  # for dropout
    output = model(mixture)
    return output.detach(), list(torch.autograd.grad(output.square().sum(), model.parameters()))


def lively() -> SpectralCompression:
    """A model whose masks vary more than they do at the start of a training."""
    model = small()
    with torch.no_grad():
        model.decoder.to_masks.weight.mul_(10)
    return model


@pytest.mark.parametrize("ability", ABILITIES)
def test_it_has_the_ability(ability):
    assert isinstance(small(), ability)


@pytest.mark.parametrize("length", [1, 2, 16, 17, 100, 1001])
@pytest.mark.parametrize(("channels", "stems"), [(1, 1), (2, 3)])
def test_stems_have_the_shape_of_the_mixture_at_any_length(length, channels, stems):
    model = small(channels=channels, stems=[f"stem {n}" for n in range(stems)])
    separated = model(torch.randn(2, channels, length))
    assert separated.shape == (2, stems, channels, length)
    assert separated.isfinite().all()


def test_stems_of_a_louder_mixture_are_louder_by_as_much():
    model, mixture = lively(), torch.randn(2, 2, 300)
    with torch.no_grad():
        torch.testing.assert_close(model(10 * mixture), 10 * model(mixture), rtol=1e-4, atol=1e-4)


def test_excerpts_of_a_batch_do_not_see_each_other():
    model, mixtures = lively(), torch.randn(3, 2, 300)
    with torch.no_grad():
        separately = torch.cat([model(mixture.unsqueeze(0)) for mixture in mixtures])
        torch.testing.assert_close(model(mixtures), separately)


def test_silence_in_is_silence_out():
    assert (small()(torch.zeros(1, 2, 300)) == 0).all()


@pytest.mark.parametrize("stems", [2, 4])
def test_initial_stems_are_shares_of_the_mixture(stems):
    model = small(stems=[f"stem {n}" for n in range(stems)], stft={"n_fft": 256, "hop_length": 64})
    mixture = torch.randn(1, 2, 8000)
    with torch.no_grad():
        separated = model(mixture)
    share = (separated * mixture.unsqueeze(1)).sum(dim=(2, 3)) / mixture.square().sum()
    assert share == pytest.approx(torch.full((1, stems), 1 / stems), abs=0.5 / stems)


@pytest.mark.parametrize("level", [1.0, 0.0])
def test_every_weight_gets_a_finite_gradient(level):
    _, grads = gradients(small(), level * torch.randn(1, 2, 300))
    assert all(grad.isfinite().all() for grad in grads)
    assert all(grad.any() for grad in grads) == (level > 0)


def test_activation_checkpointing_keeps_gradients():
    model, mixture = small(trunk={"dropout": 0.2}).train(), torch.randn(2, 2, 300)
    assert len(model.recomputable_blocks) == 4
    runs = []
    for block in model.recomputable_blocks:
        block.register_forward_pre_hook(lambda *_: runs.append(1))
    expected = gradients(model, mixture)
    assert len(runs) == 4
    for recomputed in range(1, 5):
        runs.clear()
        model.recomputed_blocks = recomputed
        torch.testing.assert_close(gradients(model, mixture), expected)
        assert len(runs) == 4 + recomputed


def test_blocks_are_compiled_and_weights_keep_their_names(monkeypatch):
    model, asked = small(), []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: asked.append(module))
    names = list(model.state_dict())
    assert not model.compiled
    model.compile_blocks()
    assert asked == [model.encoder, *model.blocks, model.decoder]
    assert list(model.state_dict()) == names


def test_stems_under_autocast_are_float32_and_close():
    model, mixture = lively(), torch.randn(1, 2, 300)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        stems = model(mixture)
    assert stems.dtype == torch.float32
    torch.testing.assert_close(stems, model(mixture), rtol=0, atol=0.1)


@pytest.mark.parametrize("numbers", [[1], [2, 0]])
def test_some_stems_are_computed_alone(numbers):
    model, mixture = small(stems=["a", "b", "c"]), torch.randn(1, 2, 300)
    some = model.with_stem_numbers(numbers)
    assert some.stems == tuple(model.stems[number] for number in numbers)
    torch.testing.assert_close(some(mixture), model(mixture)[:, numbers])


def test_the_real_core_computes_what_the_model_does():
    model, mixture = lively(), torch.randn(1, 2, 800)
    core = model.real_core()
    inputs, context = core.split(mixture)
    with torch.no_grad():
        stems = core.join(core.network()(inputs), context, length=800)
        torch.testing.assert_close(stems, model(mixture))


def test_openvino_computes_the_same():
    pytest.importorskip("openvino")
    model, mixture = lively(), 0.1 * torch.randn(2, 3001)
    plain = Separator(model, device="cpu", precision="fp32")(mixture)
    fast = Separator(model, engine="openvino", precision="fp32", batch_size=2)(mixture)
    torch.testing.assert_close(fast, plain, rtol=1e-3, atol=1e-5 * float(plain.abs().max()))
    half = Separator(model, engine="openvino", precision="bf16")(mixture)
    assert sdr(half, plain).min() > 35


@pytest.mark.parametrize("shape", [(2, 100), (1, 1, 100), (1, 3, 100)])
def test_a_mixture_of_another_shape_is_rejected(shape):
    with pytest.raises(ValueError, match=r"takes \(batch, 2 channels, samples\), got "):
        small()(torch.randn(shape))


def test_the_model_is_rebuilt_from_its_settings():
    model = lively()
    rebuilt = SpectralCompression(model.settings).eval()
    rebuilt.load_state_dict(model.state_dict())
    mixture = torch.randn(1, 2, 100)
    assert torch.equal(rebuilt(mixture), model(mixture))
    assert compression.tree()["compression"] == model.settings.compression.model_dump()
