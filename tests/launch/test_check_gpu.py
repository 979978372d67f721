import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from launched import REPOSITORY, composed

from bsroformer.hardware import GIB
from bsroformer.launch import check_gpu as module
from bsroformer.launch.check_gpu import advice, check_gpu, needed_bytes
from bsroformer.training.memory import CONTEXT, MemoryEstimate

SMALL = ("model=tiny", "model.trunk.dim=8", "model.trunk.depth=1", "data.seconds=0.1", "data.batch_size=2")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)


@pytest.mark.parametrize(("memory", "status"), [(4, 0), (0.1, 1)])
def test_the_script_ends_with_0_where_the_training_fits_and_with_1_where_not(tmp_path, memory, status):
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "check_gpu.py", *SMALL, f"memory_gb={memory}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    assert ("It fits" in done.stdout) == (status == 0)
    assert torch.__version__ in done.stdout
    assert not list(tmp_path.iterdir())  # nothing is written


def test_a_training_on_the_cpu_is_held_against_its_memory(capfd, monkeypatch):
    check_gpu(composed("check_gpu", *SMALL, "trainer=cpu"))
    assert "It fits" in capfd.readouterr().out
    for memory, told in ((GIB // 4, "does not fit 0.25 GiB"), (0, "not known")):
        monkeypatch.setattr(module, "main_memory", lambda memory=memory: memory)
        with pytest.raises(SystemExit) as ended:
            check_gpu(composed("check_gpu", *SMALL, "trainer=cpu"))
        assert ended.value.code == 1
        assert told in capfd.readouterr().out


def test_without_a_gpu_the_estimate_is_printed_and_the_way_on_is_told(capfd):
    with pytest.raises(SystemExit) as ended:
        check_gpu(composed("check_gpu", *SMALL, "trainer=gpu"))
    told = capfd.readouterr().out
    assert ended.value.code == 1
    assert "in all" in told and "GiB" in told
    assert "PyTorch sees no GPU" in told and "trainer=cpu" in told


@pytest.mark.parametrize(("cuda", "remedy"), [("13.0", "nvidia-smi"), (None, "pytorch.org")])
def test_the_remedy_depends_on_what_pytorch_was_built_for(monkeypatch, cuda, remedy):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    assert remedy in module.no_gpu()


def test_the_laptop_trainers_own_keys_are_taken_over(capfd):
    check_gpu(composed("check_gpu", *SMALL[:-1], "trainer=rtx3050", "memory_gb=4"))
    assert "precision bf16-mixed" in capfd.readouterr().out


def test_an_experiment_is_checked_as_it_trains():
    assert composed("check_gpu", "experiment=demo").data.seconds == composed("train", "experiment=demo").data.seconds


def test_advice_names_keys_and_the_longest_excerpt_that_fits():
    estimate = MemoryEstimate(weights=0, gradients=0, optimizer=0, activations=8 * GIB)
    cfg = composed("check_gpu", "data.seconds=6", "data.batch_size=4", "trainer.accumulate_grad_batches=2")
    lines = advice(cfg, estimate, 4 * GIB)
    keys = [line.partition(":")[0] for line in lines]
    assert keys[:3] == [
        "activation_checkpointing=true",
        "data.batch_size=1 trainer.accumulate_grad_batches=8",
        "data.seconds=2",
    ]
    assert "model=tiny" in lines[-1]


def test_advice_leaves_out_what_is_done_already_or_cannot_help():
    estimate = MemoryEstimate(weights=8 * GIB, gradients=0, optimizer=0, activations=GIB)
    [line] = advice(composed("check_gpu", "trainer=rtx3050"), estimate, 4 * GIB)
    assert line.startswith("model=")


def test_a_precision_without_an_estimate_is_named(capfd):
    with pytest.raises(SystemExit) as ended:
        check_gpu(composed("check_gpu", *SMALL, "trainer.precision=64-true"))
    assert ended.value.code == 2
    assert "trainer.precision=64-true" in capfd.readouterr().err


@pytest.fixture
def step_on_cuda():
    return SimpleNamespace(stems=SimpleNamespace(device=torch.device("cuda")))


def test_on_a_gpu_a_real_step_decides(monkeypatch, step_on_cuda):
    estimate = MemoryEstimate(0, 0, 0, 0)
    monkeypatch.setattr(module, "peak_of_steps", lambda step: 2 * GIB)
    assert needed_bytes(composed("check_gpu"), step_on_cuda, estimate, module.terminal()) == 2 * GIB + CONTEXT
    other = composed("check_gpu", "memory_gb=4")  # another machine's GPU: the estimate
    assert needed_bytes(other, step_on_cuda, estimate, module.terminal()) == estimate.total


def test_a_step_that_runs_out_of_memory_does_not_fit(monkeypatch, step_on_cuda):
    def out_of_memory(step):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "peak_of_steps", out_of_memory)
    needed = needed_bytes(composed("check_gpu"), step_on_cuda, MemoryEstimate(0, 0, 0, 0), module.terminal())
    assert needed == float("inf")
