"""Names and memory of this machine's processors and GPUs."""

import math
import os
import platform
from pathlib import Path

import torch

from bsroformer.devices import computes_bf16
from bsroformer.text import count

try:
    import resource
except ModuleNotFoundError:  # on Windows, without such limits
    resource = None  # type: ignore[assignment]

GIB = 2**30
"""Bytes of 1 GB in the data sheet of a graphics card."""


def cpu_name() -> str:
    """Return the processor's name as in ``lscpu``, or else Python's."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def device_name(device: torch.device) -> str:
    """Return the name of a processor or graphics card."""
    if device.type in ("cuda", "xpu"):
        return torch.get_device_module(device).get_device_name(device)
    return cpu_name() if device.type == "cpu" else device.type.upper()


def main_memory() -> int:
    """Return the bytes of this machine's memory; 0 if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def available_memory() -> float:
    """Return the bytes that this process can allocate without swapping.

    Infinite if unknown, as on systems other than Linux.

    Limits of a control group, as in containers and batch systems, and of this process (``ulimit``) are included.
    """
    in_machine = read_proc_bytes(Path("/proc/meminfo"), "MemAvailable")
    in_cgroup = free_in_cgroup(Path("/sys/fs/cgroup"))
    return min(in_machine, in_cgroup, free_by_ulimit())


def read_proc_bytes(file: Path, name: str) -> float:
    """Read a field such as ``VmData:  512 kB`` of ``/proc``, in bytes.

    Infinite without the file or the field.
    """
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    for line in lines:
        if line.startswith(f"{name}:"):
            return 1024 * float(line.split()[1])
    return math.inf


def free_by_ulimit() -> float:
    """Return the bytes below this process's limits (``ulimit -v``, ``-d``).

    Infinite without limits.
    """
    if resource is None:
        return math.inf
    free = math.inf
    for name, field in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        limit = resource.getrlimit(name)[0]
        used = read_proc_bytes(Path("/proc/self/status"), field)
        if limit == resource.RLIM_INFINITY:
            continue
        free = min(free, max(0, limit - used) if used < math.inf else limit)
    return free


def free_in_cgroup(group: Path) -> float:
    """Return the bytes below the memory limit of a control group (version 2).

    Infinite without a limit.

    Cached files count as free: the system drops them when memory is needed.
    """
    try:
        limit = float((group / "memory.max").read_text())
        used = float((group / "memory.current").read_text())
        lines = (group / "memory.stat").read_text().splitlines()
        sizes = dict(line.split() for line in lines)
        cached = float(sizes.get("active_file", 0)) + float(sizes.get("inactive_file", 0))
    except (OSError, ValueError):  # no such file, or "max"
        return math.inf
    return limit - used + cached


def largest_memory() -> float:
    """Return the peak memory of this process in bytes; NaN except on Linux."""
    peak = read_proc_bytes(Path("/proc/self/status"), "VmHWM")
    return peak if peak < math.inf else math.nan


def gpu_memory(device: torch.device) -> tuple[int, int]:
    """Return a GPU's free and total memory in bytes.

    Apple's GPUs share the main memory.

    Args:
        device: A GPU.
    """
    if device.type in ("cuda", "xpu"):
        return torch.get_device_module(device).mem_get_info(device)
    return main_memory(), main_memory()


def torch_build() -> str:
    """Name the platform that PyTorch was built for."""
    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA or ROCm"


def describe() -> dict[str, str]:
    """Describe PyTorch, processor, memory and every GPU, each by a title and a line."""
    bf16 = "computes" if computes_bf16(torch.device("cpu")) else "does not compute"
    threads = count(torch.get_num_threads(), "thread")
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
    """Describe name, memory, compute capability and bfloat16 of a GPU."""
    free, total = gpu_memory(gpu)
    parts = [device_name(gpu), f"{total / GIB:.1f} GiB, {free / GIB:.1f} free"]
    if gpu.type == "cuda" and not torch.version.hip:
        major, minor = torch.cuda.get_device_capability(gpu)
        parts.append(f"compute capability {major}.{minor}")
    parts.append("computes bfloat16" if computes_bf16(gpu) else "does not compute bfloat16")
    return ", ".join(parts)
