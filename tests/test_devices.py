import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from bsroformer import devices
from bsroformer.devices import best_device, computes_bf16, keep_freed_memory
from bsroformer.errors import InputError


@pytest.mark.parametrize("accelerator", ["cuda", "mps", "xpu", None])
def test_the_best_device_is_the_accelerator_or_else_the_cpu(monkeypatch, accelerator):
    def current_accelerator(check_available: bool) -> torch.device | None:
        assert check_available  # otherwise PyTorch names the devices of its build
        return torch.device(accelerator) if accelerator else None

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    assert best_device() == torch.device(accelerator or "cpu")


def test_each_process_on_a_machine_gets_its_own_accelerator(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert [str(best_device(process)) for process in range(4)] == ["cuda", "cuda:1", "cuda:0", "cuda:1"]
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    assert best_device(3) == torch.device("cpu")


def test_the_best_device_of_this_machine_computes():
    assert torch.ones(3, device=best_device()).sum().item() == 3


@pytest.mark.parametrize(
    ("capability", "computes"),
    [((6, 1), False), ((7, 5), False), ((8, 0), True), ((8, 6), True), ((10, 0), True)],
)
def test_nvidia_gpus_compute_bf16_since_ampere(monkeypatch, capability, computes):
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert computes_bf16(torch.device("cuda")) == computes


def test_amd_gpus_compute_bf16(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert computes_bf16(torch.device("cuda"))


@pytest.mark.parametrize(("avx512", "amx"), [(False, False), (True, False), (False, True)])
def test_cpus_compute_bf16_with_either_instruction_set(monkeypatch, avx512, amx):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert computes_bf16(torch.device("cpu")) == (avx512 or amx)


def test_bf16_support_of_this_machine_is_known():
    assert isinstance(computes_bf16(best_device()), bool)


def test_intel_gpus_compute_bf16_and_apples_are_left_in_float32():
    assert computes_bf16(torch.device("xpu"))
    assert not computes_bf16(torch.device("mps"))


@pytest.mark.parametrize(("library", "options"), [("glibc", [-4, -1, -2, -8]), ("", [])])
def test_freed_memory_is_kept_with_glibc_alone(monkeypatch, library, options):
    calls = []
    glibc = SimpleNamespace(mallopt=lambda option, value: calls.append((option, value)))
    monkeypatch.setattr(platform, "libc_ver", lambda: (library, "2.36"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: glibc)
    keep_freed_memory()
    assert [option for option, _ in calls] == options
    assert all(0 <= value < 2**31 for _, value in calls)  # mallopt takes an int


FAULTS = """
import resource, threading
import torch
from bsroformer.devices import keep_freed_memory

def work():
    for _ in range(20):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(25_000_000)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

faults = []
keep_freed_memory()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(max(faults[10:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="does nothing elsewhere")
def test_a_threads_freed_memory_is_kept_too():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # pages; one such tensor has 24,000


def test_the_device_is_the_best_one_by_default(monkeypatch):
    monkeypatch.setattr(devices, "best_device", lambda: torch.device("meta"))
    assert devices.choose_device("auto") == torch.device("meta")
    assert devices.choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("capability", "precision", "half"),
    [
        ((7, 5), "auto", torch.float16),
        ((8, 0), "auto", torch.bfloat16),
        ((8, 0), "fp16", torch.float16),
        ((7, 5), "fp32", None),
        ((7, 5), "bf16", torch.bfloat16),
    ],
)
def test_cuda_cards_without_bf16_separate_in_fp16(monkeypatch, capability, precision, half):
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert devices.half_precision(precision, torch.device("cuda")) == half


def test_fp16_is_refused_on_a_cpu_and_not_chosen_for_it(monkeypatch):
    monkeypatch.setattr(devices, "computes_bf16", lambda device: False)
    assert devices.half_precision("auto", torch.device("cpu")) is None
    with pytest.raises(InputError, match="precision=fp16 needs a GPU"):
        devices.half_precision("fp16", torch.device("cpu"))


def test_a_compiler_that_fails_is_described_in_a_line(monkeypatch):
    def fail(function):
        raise RuntimeError("Cannot find a working triton installation.\nMore advice.")

    monkeypatch.setattr(torch, "compile", fail)
    assert devices.compiler_problem(torch.device("cpu")) == "Cannot find a working triton installation."
