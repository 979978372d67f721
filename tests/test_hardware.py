import math
import os
from types import SimpleNamespace

import pytest
import torch

from bsroformer import hardware
from bsroformer.hardware import (
    GIB,
    available_memory,
    cpu_name,
    describe,
    device_name,
    free_by_ulimit,
    gpu_memory,
    largest_memory,
    main_memory,
    torch_build,
)


def test_the_processor_has_a_name():
    assert cpu_name()
    assert device_name(torch.device("cpu")) == cpu_name()


def test_the_memory_is_that_of_the_machine():
    assert main_memory() > GIB / 2


def test_available_memory_is_below_machine_and_cgroup_limits(tmp_path):
    assert available_memory() > 0
    if main_memory() and available_memory() < math.inf:
        assert available_memory() < main_memory()
    assert hardware.free_in_cgroup(tmp_path) == math.inf
    (tmp_path / "memory.current").write_text("100\n")
    (tmp_path / "memory.stat").write_text("anon 60\nactive_file 30\ninactive_file 10\nfile 40\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.free_in_cgroup(tmp_path) == math.inf
    (tmp_path / "memory.max").write_text("400\n")
    assert hardware.free_in_cgroup(tmp_path) == 340


@pytest.mark.parametrize(("limited", "used"), [("RLIMIT_AS", "VmSize"), ("RLIMIT_DATA", "VmData")])
def test_a_limit_of_the_process_bounds_the_free_memory(monkeypatch, limited, used):
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    limits = {getattr(resource, limited): (8 * GIB, resource.RLIM_INFINITY)}
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits.get(which, no_limit))
    monkeypatch.setattr(hardware, "read_proc_bytes", lambda file, name: 3.0 * GIB if name == used else math.inf)
    assert free_by_ulimit() == available_memory() == 5 * GIB
    limits.clear()
    assert free_by_ulimit() == math.inf
    monkeypatch.setattr(hardware, "resource", None)
    assert free_by_ulimit() == math.inf


def test_a_process_that_is_over_its_limit_has_nothing_left(monkeypatch):
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 1))
    monkeypatch.setattr(hardware, "read_proc_bytes", lambda file, name: 2.0)
    assert free_by_ulimit() == 0


def test_a_system_without_sysconf_does_not_say(monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    assert main_memory() == 0


@pytest.mark.parametrize(
    ("cuda", "hip", "build"),
    [("13.0", None, "CUDA 13.0"), (None, "6.2", "ROCm 6.2"), (None, None, "no CUDA or ROCm")],
)
def test_the_build_of_pytorch_is_named(monkeypatch, cuda, hip, build):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert torch_build() == build


def test_without_a_gpu_that_is_said(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    lines = describe()
    assert torch.__version__ in lines["PyTorch"]
    assert "bfloat16" in lines["CPU"]
    assert lines["GPU"] == "none that PyTorch can use"


def test_every_gpu_has_a_line_with_name_memory_and_capability(monkeypatch):
    module = SimpleNamespace(
        get_device_name=lambda device: f"Card {device.index}",
        mem_get_info=lambda device: (3 * GIB, 4 * GIB),
    )
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    monkeypatch.setattr(torch.version, "hip", None)
    lines = describe()
    assert lines["cuda:0"] == "Card 0, 4.0 GiB, 3.0 free, compute capability 8.6, computes bfloat16"
    assert lines["cuda:1"].startswith("Card 1")


def test_apples_gpus_share_the_main_memory(monkeypatch):
    monkeypatch.setattr(hardware, "main_memory", lambda: 8 * GIB)
    assert gpu_memory(torch.device("mps")) == (8 * GIB, 8 * GIB)


def test_the_largest_memory_is_reported_if_the_system_knows_it(monkeypatch):
    assert not largest_memory() < 2**20  # NaN where it does not
    monkeypatch.setattr(hardware.Path, "is_file", lambda path: False)
    assert math.isnan(largest_memory())
