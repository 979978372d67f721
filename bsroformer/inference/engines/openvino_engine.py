"""OpenVINO, for CPUs: a model's real-valued core in its graph, the rest (STFT and the like) in PyTorch."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.inference.engines.torch_engine import TorchEngine
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import ExportsRealCore

if TYPE_CHECKING:
    from openvino import CompiledModel


class OpenVinoEngine:
    """Computes windows of one length with OpenVINO, and others, such as a song shorter than that, with PyTorch.

    The graph is made at the first window, in some seconds.

    Args:
        model: What is computed; its architecture has the ability `ExportsRealCore`.
        size: Length of a window, samples.
        bf16: Whether the network computes in bfloat16.

    Raises:
        InputError: If OpenVINO is not installed.
    """

    def __init__(self, model: SeparationModel, size: int, bf16: bool) -> None:
        try:
            import openvino  # noqa: F401
        except ImportError as error:
            raise InputError(f"engine=openvino needs OpenVINO: {install_command('openvino')}") from error
        self.size, self.bf16 = size, bf16
        self.torch = TorchEngine(model, torch.device("cpu"), bf16)
        assert isinstance(model, ExportsRealCore)
        self.core = model.real_core()
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
        inputs, context = self.core.split(window)
        if self.compiled is None:
            self.compiled = compiled(self.core.network(), inputs, self.bf16)
        output = self.compiled([inputs.numpy()], share_inputs=True, share_outputs=True)[0]
        return self.core.join(torch.from_numpy(output), context, length=window.shape[-1])


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
