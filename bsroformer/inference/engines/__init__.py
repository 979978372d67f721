"""Engines that separate windows: PyTorch, OpenVINO, or the faster of the two."""

import sys
from importlib.util import find_spec

import torch

from bsroformer.devices import choose_device, half_precision
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.inference.engines.auto_engine import AutoEngine
from bsroformer.inference.engines.engine import ENGINES, Engine
from bsroformer.inference.engines.torch_engine import TorchEngine
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import ExportsRealCore

__all__ = ["ENGINES", "AutoEngine", "Engine", "TorchEngine", "make_engine"]


def make_engine(
    name: str, model: SeparationModel, size: int, device: str, precision: str, compile: bool = False
) -> Engine:
    """Create an engine by its name.

    Args:
        name: One of `ENGINES`.
        model: The model.
        size: Samples of a window.
        device: ``auto``, ``cpu``, ``cuda``, ...
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        compile: See `TorchEngine`.

    Raises:
        InputError: If the engine or device is not available, or they do not support each other.
    """
    if name == "openvino":
        if device not in ("auto", "cpu") or compile:
            raise InputError("engine=openvino computes on the CPU; set neither device nor compile, or set engine=torch")
        if not isinstance(model, ExportsRealCore):
            raise InputError(
                f"engine=openvino cannot compute models of architecture {model.settings.architecture}; use engine=torch"
            )
        from bsroformer.inference.engines.openvino_engine import OpenVinoEngine

        bf16 = half_precision(precision, torch.device("cpu")) == torch.bfloat16
        return OpenVinoEngine(model, size, bf16)
    chosen = choose_device(device)
    half = half_precision(precision, chosen)
    bf16 = half == torch.bfloat16
    fp16 = half == torch.float16
    engine = TorchEngine(model, chosen, bf16, compile, fp16)
    if name == "torch":
        return engine
    reason = _reason_for_torch(model, chosen, compile)
    if reason:
        engine.choice = f"engine=auto: PyTorch, {reason}"
        return engine
    return AutoEngine(engine, lambda: make_engine("openvino", model, size, "cpu", precision), size)


def _reason_for_torch(model: SeparationModel, device: torch.device, compile: bool) -> str:
    """Explain why ``engine=auto`` has to choose PyTorch; empty if it can choose."""
    if device.type != "cpu":
        return f"which computes on {device}"
    if compile:
        return "which compile=true compiles for"
    if not isinstance(model, ExportsRealCore):
        return f"which alone computes models of architecture {model.settings.architecture}"
    if not is_installed("openvino"):
        return f"since OpenVINO is not installed; {install_command('openvino')}"
    return ""


def is_installed(package: str) -> bool:
    """Check for a package without importing it."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return find_spec(package) is not None
