"""OpenVINO engine for CPUs.

The model's real-valued core is a graph; PyTorch computes the STFT and the like.
"""

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
    """Engine that computes windows of one length with OpenVINO.

    PyTorch computes others, such as a shorter song.

    The graph is created at the first window, in some seconds.

    Args:
        model: The model, with the ability `ExportsRealCore`.
        size: Samples of a window.
        bf16: Compute in bfloat16.

    Raises:
        InputError: If OpenVINO is not installed.
    """

    def __init__(self, model: SeparationModel, size: int, bf16: bool) -> None:
        try:
            import openvino  # noqa: F401
        except ImportError as error:
            raise InputError(f"engine=openvino needs OpenVINO; {install_command('openvino')}") from error
        self.size = size
        self.bf16 = bf16
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
            self.compiled = compile_network(self.core.network(), inputs, self.bf16)
        output = self.compiled([inputs.numpy()], share_inputs=True, share_outputs=True)[0]
        return self.core.join(torch.from_numpy(output), context, length=window.shape[-1])


def compile_network(network: nn.Module, example: Tensor, bf16: bool) -> "CompiledModel":
    """Compile a network for inputs of the example's shape.

    It runs on as many threads as PyTorch has.

    Raises:
        InputError: If OpenVINO cannot compute the network.
    """
    import openvino

    # Exported, not traced: export computes with shapes only and takes neither time nor memory for values.
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
    except Exception as error:  # OpenVINO's errors have no common base class
        reason = str(error).splitlines()[0]
        raise InputError(f"OpenVINO cannot compute this model ({reason}); set engine=torch") from error
