import sys

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.inference import Separator
from bsroformer.inference.engines import TorchEngine
from bsroformer.metrics import sdr
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.fusable import FusableAttention, FusableRotary
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding


@pytest.mark.parametrize(("heads", "dim_head"), [(1, 4), (2, 8), (4, 6)])
def test_the_attention_that_openvino_fuses_equals_the_models(heads, dim_head):
    attention, rotary, x = Attention(12, heads, dim_head), RotaryEmbedding(dim_head), torch.randn(3, 20, 12)
    with torch.no_grad():
        expected = attention(x, *rotary(20))
        torch.testing.assert_close(FusableAttention(attention)(x, *FusableRotary(rotary)(20)), expected)


def lively(tree: dict) -> BandSplitRoformer:
    """A model whose masks vary more than they do at the start of a training."""
    model = BandSplitRoformer(ModelSettings.from_dict(tree)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "to_out" in name or "contract.weight" in name or "mask_estimators" in name:
                weight.mul_(2)
    return model


MODELS = {
    "fixed bands": {},
    "mel": {"bands": {"layout": "mel", "count": 5}, "stft": {"n_fft": 128, "hop_length": 32}},
    "linear": {"trunk": {"dim": 8, "depth": 2, "heads": 2, "dim_head": 4, "linear_depth": 1, "skip_connection": True}},
    "other options": {
        "channels": 1,
        "trunk": {"dim": 8, "depth": 1, "heads": 2, "dim_head": 4, "norm": "each_transformer", "time_depth": 2},
        "masks": {"expansion": 1, "hidden_layers": 0, "zero_dc": True},
    },
    "convolutions": {
        "trunk": {"dim": 8, "depth": 1, "heads": 2, "dim_head": 4, "convolution": {"hidden": 6, "kernel": 4}},
        "masks": {"expansion": 0.5, "shared": True},
    },
}


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_openvino_computes_the_same(tiny_tree, options):
    pytest.importorskip("openvino")
    model = lively(tiny_tree | options)
    mixture = 0.1 * torch.randn(model.settings.channels, 3001)
    plain = Separator(model, device="cpu", precision="fp32")(mixture)
    fast = Separator(model, engine="openvino", precision="fp32", batch_size=2)(mixture)
    torch.testing.assert_close(fast, plain, rtol=1e-3, atol=1e-5 * float(plain.abs().max()))


def test_openvinos_bfloat16_is_close(tiny_tree):
    pytest.importorskip("openvino")
    model = lively(tiny_tree)
    mixture = 0.1 * torch.randn(2, 3001)
    plain = Separator(model, device="cpu", precision="fp32")(mixture)
    fast = Separator(model, engine="openvino", precision="bf16")(mixture)
    assert sdr(fast, plain).min() > 35


def test_a_song_shorter_than_a_window_needs_no_graph(tiny_model):
    pytest.importorskip("openvino")
    separator = Separator(tiny_model, engine="openvino", precision="fp32")
    mixture = torch.randn(2, 300)
    torch.testing.assert_close(separator(mixture), tiny_model(mixture.unsqueeze(0))[0])
    assert separator.engine.compiled is None


def test_a_missing_openvino_is_reported(tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r'engine=openvino needs OpenVINO; pip install -e ".*\[openvino\]"'):
        Separator(tiny_model, engine="openvino")


@pytest.mark.parametrize("arguments", [{"device": "cuda"}, {"compile": True}])
def test_options_of_pytorch_are_refused_for_openvino(tiny_model, arguments):
    with pytest.raises(InputError, match="engine=openvino computes on the CPU"):
        Separator(tiny_model, engine="openvino", **arguments)


def test_blocks_are_compiled_and_weights_keep_their_names(tiny_model, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: asked.append(module))
    names = list(tiny_model.state_dict())
    TorchEngine(tiny_model, torch.device("cpu"), bf16=False, compile=True)
    assert asked == list(tiny_model.blocks)
    assert list(tiny_model.state_dict()) == names


@pytest.mark.slow
def test_compiled_blocks_compute_the_same(tiny_model):
    mixture = torch.randn(2, 3001)
    plain = Separator(tiny_model, device="cpu", precision="fp32")(mixture)
    torch.testing.assert_close(Separator(tiny_model, device="cpu", precision="fp32", compile=True)(mixture), plain)


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_float16_is_close_to_float32(tiny_tree, options):
    """The CPU computes matrices in float16, and sums and norms in float32, like a GPU."""
    model = lively(tiny_tree | options)
    windows = 0.1 * torch.randn(1, model.settings.channels, 800)
    plain = TorchEngine(model, torch.device("cpu"), bf16=False)(windows)
    half = TorchEngine(model, torch.device("cpu"), bf16=False, fp16=True)
    assert half.half == torch.float16
    assert not torch.equal(half(windows), plain)
    assert sdr(half(windows), plain).min() > 45
