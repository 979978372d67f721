"""OpenVINO, for CPUs: the network in its graph, the STFT, the masks' product and the inverse STFT in PyTorch."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.inference.engines.fusable import FusableAttention, FusableRotary
from bsroformer.inference.engines.torch_engine import TorchEngine
from bsroformer.model import BandSplitRoformer
from bsroformer.model.attention import Attention
from bsroformer.model.rotary import RotaryEmbedding

if TYPE_CHECKING:
    from openvino import CompiledModel


class OpenVinoEngine:
    """Computes windows of one length with OpenVINO, and others, such as a song shorter than that, with PyTorch.

    The graph is made at the first window, in some seconds.

    Args:
        model: What is computed.
        size: Length of a window, samples.
        bf16: Whether the network computes in bfloat16.

    Raises:
        InputError: If OpenVINO is not installed.
    """

    def __init__(self, model: BandSplitRoformer, size: int, bf16: bool) -> None:
        try:
            import openvino  # noqa: F401
        except ImportError as error:
            raise InputError(f"engine=openvino needs OpenVINO: {install_command('openvino')}") from error
        self.size, self.bf16 = size, bf16
        self.torch = TorchEngine(model, torch.device("cpu"), bf16)
        self.half = self.torch.half
        self.choice = ""
        self.compiled: CompiledModel | None = None

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        if windows.shape[-1] != self.size:
            return self.torch(windows)
        return torch.cat([self._separate(window) for window in windows.split(1)])

    def _separate(self, window: Tensor) -> Tensor:
        model = self.torch.model
        spectrum = model.stft(window)  # (1 c f m)
        parts = torch.view_as_real(spectrum.transpose(2, 3).contiguous())  # (1 c m f z)
        if self.compiled is None:
            self.compiled = compiled(Network(model), parts, self.bf16)
        found = self.compiled([parts.numpy()], share_inputs=True, share_outputs=True)[0]
        masks = model.mask_estimators.on_bins(torch.from_numpy(found))  # (1 n c f m z)
        return model.separated(spectrum, masks, length=window.shape[-1])


class Network(nn.Module):
    """What is learned of a model, in a form that OpenVINO computes fast, over frames before bins."""

    def __init__(self, model: BandSplitRoformer) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        for name, module in list(self.model.named_modules()):
            if isinstance(module, Attention):
                self.model.set_submodule(name, FusableAttention(module))
            elif isinstance(module, RotaryEmbedding):
                self.model.set_submodule(name, FusableRotary(module))

    def forward(self, spectrum: Tensor) -> Tensor:
        """The masks of every band's bins, ``(b n c m kf z)``, for a spectrum ``(b c m f z)``."""
        model = self.model
        features = model.trunk(model.band_split(spectrum.transpose(2, 3)))  # (b m k d)
        return model.mask_estimators.on_bands(features)


def compiled(network: nn.Module, example: Tensor, bf16: bool) -> "CompiledModel":
    """A network for inputs of the example's shape, on as many threads as PyTorch has.

    Raises:
        InputError: If OpenVINO cannot compute it.
    """
    import openvino

    # Exported and not traced: exporting follows the shapes alone, and takes neither time nor memory for the values.
    exported = torch.export.export(network, (example,), strict=False)
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    try:
        graph = openvino.convert_model(exported, input=[tuple(example.shape)])
        return openvino.Core().compile_model(graph, "CPU", options)
    except Exception as error:  # its own are of no common kind
        reason = str(error).splitlines()[0]
        raise InputError(f"OpenVINO cannot compute this model ({reason}): set engine=torch") from error
