"""Devices of this machine, and the precision of their computations."""

import ctypes
import platform

import torch

from bsroformer.errors import InputError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
M_MMAP_MAX = -4
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_ARENA_MAX = -8
MALLOC_OPTIONS = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 2**28, M_ARENA_MAX: 1}
"""Options of glibc's mallopt(3): no block by mmap, a heap that never shrinks and grows by 256 MiB, one for all threads.

Heaps of single threads are small and cannot grow.
"""
OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
"""Parts of messages of PyTorch's CPU allocator on Linux and Windows, and of CUDA and its libraries."""


def best_device(process: int = 0) -> torch.device:
    """Return the accelerator (CUDA or ROCm, MPS, XPU), or else the CPU.

    Args:
        process: Number of this process among those that share the machine's accelerators.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None or process == 0:
        return accelerator or torch.device("cpu")
    return torch.device(accelerator.type, process % torch.accelerator.device_count())


def choose_device(name: str) -> torch.device:
    """Return a device by name; ``auto`` is the best available.

    Raises:
        InputError: If the device is not available.
    """
    if name == "auto":
        return best_device()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise InputError(f"device={name} is not available here; try device=auto or device=cpu") from error
    return device


def computes_bf16(device: torch.device) -> bool:
    """Check for instructions for bfloat16, with which it is faster than float32.

    NVIDIA has them since Ampere (compute capability 8.0), x86 CPUs with AVX512-BF16 or AMX.
    """
    if device.type == "cuda":
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type == "xpu"


def chooses_bf16(precision: str, device: torch.device) -> bool:
    """Check whether a precision means bfloat16 on a device.

    ``auto`` does if the hardware supports it.

    Raises:
        InputError: If the precision is not ``auto``, ``fp32`` or ``bf16``.
    """
    known = [each for each in PRECISIONS if each != "fp16"]
    if precision not in known:
        raise InputError(f"precision={precision} must be one of {', '.join(known)}")
    return computes_bf16(device) if precision == "auto" else precision == "bf16"


def half_precision(precision: str, device: torch.device) -> torch.dtype | None:
    """Return the type of matrix products for separation; None for float32.

    ``auto`` is bfloat16 where the hardware supports it, and float16 on other CUDA cards (GTX 16, RTX 20, T4, V100).

    Raises:
        InputError: If the precision is unknown, or float16 on a CPU, which has no fast operators for it.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision} must be one of {', '.join(PRECISIONS)}")
    if precision == "fp16" and device.type == "cpu":
        raise InputError("precision=fp16 needs a GPU, and the device is the CPU; set precision=auto")
    if precision == "auto":
        without_bf16 = torch.float16 if device.type == "cuda" else None
        return torch.bfloat16 if computes_bf16(device) else without_bf16
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def compiler_problem(device: torch.device) -> str | None:
    """Compile and run a small function on a device, which takes some seconds; return the reason if that fails.

    GPUs need Triton, which PyTorch for Windows lacks, and a C compiler; CPUs need a C++ compiler.
    """

    def double(x: torch.Tensor) -> torch.Tensor:
        return x + x

    try:
        torch.compile(double)(torch.zeros(8, device=device))
    except Exception as error:  # of many kinds, from the compiler's parts and the programs that it starts
        cause = getattr(error, "inner_exception", error)
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        return lines[0]
    return None


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed tensors.

    By default it returns the memory to Linux each time.

    Each step frees and allocates the same hundreds of megabytes; taking them from the kernel again, page by page,
    costs a third of a training step's time on a CPU. Does nothing where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    glibc = ctypes.CDLL(None)
    for option, value in MALLOC_OPTIONS.items():
        glibc.mallopt(option, value)


def out_of_memory(error: BaseException) -> bool:
    """Check whether an error means that the GPU's or the machine's memory is full."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if not isinstance(error, RuntimeError):  # the type of the CPU allocator's errors
        return False
    return any(text in str(error) for text in OUT_OF_MEMORY_TEXTS)
