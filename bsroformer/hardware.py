"""What PyTorch sees of this machine, in words."""

import math
import os
import platform
from pathlib import Path

import torch

from bsroformer.devices import computes_bf16

try:
    import resource
except ModuleNotFoundError:  # on Windows, which has no such limits
    resource = None  # type: ignore[assignment]

GIB = 2**30
"""Bytes of what a graphics card's data sheet calls 1 GB."""


def cpu_name() -> str:
    """The processor as ``lscpu`` names it, or as Python does where there is no ``/proc/cpuinfo``."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.is_file() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def device_name(device: torch.device) -> str:
    """The name of a processor or graphics card."""
    if device.type in ("cuda", "xpu"):
        return torch.get_device_module(device).get_device_name(device)
    return cpu_name() if device.type == "cpu" else device.type.upper()


def main_memory() -> int:
    """Bytes of this machine's memory; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def available_memory() -> float:
    """Bytes that this process can still have without swapping; infinite where the system does not say as Linux does.

    A control group's limit, as containers and batch systems set one, and this process's own (``ulimit``) count too.
    """
    return min(told_by(Path("/proc/meminfo"), "MemAvailable"), left_in_group(Path("/sys/fs/cgroup")), left_by_ulimit())


def told_by(file: Path, name: str) -> float:
    """Bytes that a line of a file of Linux says, such as ``VmData:  512 kB``; infinite where there is none."""
    for line in file.read_text("utf-8").splitlines() if file.is_file() else []:
        if line.startswith(f"{name}:"):
            return 1024 * float(line.split()[1])
    return math.inf


def left_by_ulimit() -> float:
    """Bytes below the limits of this process's address space and data (``ulimit -v`` and ``-d``); infinite without."""
    if resource is None:
        return math.inf
    left, status = math.inf, Path("/proc/self/status")
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most, taken = resource.getrlimit(limit)[0], told_by(status, used)
        if most != resource.RLIM_INFINITY:
            left = min(left, max(0, most - taken) if taken < math.inf else most)
    return left


def left_in_group(group: Path) -> float:
    """Bytes below the memory limit of a control group (version 2); infinite where it has none.

    What is cached of files counts as free: the system gives it up when memory is wanted.
    """
    try:
        limit, used = (float((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        cached = sum(float(size) for name, size in lines if name in ("active_file", "inactive_file"))
    except (OSError, ValueError):  # no such file, or the word "max"
        return math.inf
    return limit - used + cached


def largest_memory() -> float:
    """Bytes that this process held at its peak; NaN where the system does not say as Linux does."""
    held = told_by(Path("/proc/self/status"), "VmHWM")
    return held if held < math.inf else math.nan


def gpu_memory(device: torch.device) -> tuple[int, int]:
    """Bytes of a GPU's memory, free and in all; Apple's GPUs share the main memory.

    Args:
        device: A GPU.
    """
    if device.type in ("cuda", "xpu"):
        return torch.get_device_module(device).mem_get_info(device)
    return main_memory(), main_memory()


def torch_build() -> str:
    """What PyTorch was built for."""
    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA or ROCm"


def describe() -> dict[str, str]:
    """PyTorch, processor and every GPU: a title and a line for each."""
    bf16 = "computes" if computes_bf16(torch.device("cpu")) else "does not compute"
    count = torch.get_num_threads()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    lines = {
        "PyTorch": f"{torch.__version__}, built for {torch_build()}",
        "CPU": f"{cpu_name()}, {threads}, {bf16} bfloat16",
        "memory": f"{main_memory() / GIB:.1f} GiB",
    }
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return {**lines, "GPU": "none that PyTorch can use"}
    for index in range(torch.accelerator.device_count()):
        gpu = torch.device(accelerator.type, index)
        lines[str(gpu)] = describe_gpu(gpu)
    return lines


def describe_gpu(gpu: torch.device) -> str:
    """Name, memory, compute capability and bfloat16 of a GPU."""
    free, total = gpu_memory(gpu)
    parts = [device_name(gpu), f"{total / GIB:.1f} GiB, {free / GIB:.1f} free"]
    if gpu.type == "cuda" and not torch.version.hip:
        major, minor = torch.cuda.get_device_capability(gpu)
        parts.append(f"compute capability {major}.{minor}")
    return ", ".join([*parts, "computes bfloat16" if computes_bf16(gpu) else "does not compute bfloat16"])
