import math
import re

import pytest
import torch

from bsroformer.cli.commands.check_gpu import command as module
from bsroformer.cli.commands.train import memory
from bsroformer.hardware import GIB
from bsroformer.training.memory.estimate import CONTEXT
from support.launched import composed, launch

SMALL = ("model=tiny", "model.trunk.dim=8", "model.trunk.depth=1", "data.seconds=0.1", "data.batch_size=2")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)


@pytest.mark.parametrize(("memory", "status"), [(4, 0), (0.1, 1)])
def test_the_exit_status_is_1_if_the_training_does_not_fit(script, tmp_path, memory, status):
    ended, printed = script("check_gpu", *SMALL, f"memory_gb={memory}")
    assert ended == status, printed
    assert ("It fits" in printed) == (status == 0)
    assert torch.__version__ in printed
    assert not list(tmp_path.iterdir())  # nothing is written


def test_a_training_on_the_cpu_is_held_against_its_memory(capfd, monkeypatch):
    launch("check_gpu", *SMALL, "trainer=cpu")
    assert "It fits" in capfd.readouterr().out
    for main, available, output in (
        (GIB // 4, math.inf, "does not fit 0.25 GiB"),
        (8 * GIB, GIB / 8, "does not fit 0.12 GiB"),
        (0, math.inf, "memory is unknown"),
    ):
        monkeypatch.setattr(memory, "main_memory", lambda size=main: size)
        monkeypatch.setattr(memory, "available_memory", lambda size=available: size)
        with pytest.raises(SystemExit) as ended:
            launch("check_gpu", *SMALL, "trainer=cpu")
        assert ended.value.code == 1
        assert output in capfd.readouterr().out


def test_without_a_gpu_the_estimate_and_a_remedy_are_printed(capfd):
    with pytest.raises(SystemExit) as ended:
        launch("check_gpu", *SMALL, "trainer=gpu")
    output = capfd.readouterr().out
    assert ended.value.code == 1
    assert "in all" in output and "GiB" in output
    assert "PyTorch sees no GPU" in output and "trainer=cpu" in output


@pytest.mark.parametrize(("cuda", "remedy"), [("13.0", "nvidia-smi"), (None, "pytorch.org")])
def test_the_remedy_depends_on_what_pytorch_was_built_for(monkeypatch, cuda, remedy):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    assert remedy in module.no_gpu()


def test_the_laptop_trainers_own_keys_are_taken_over(capfd):
    launch("check_gpu", *SMALL[:-1], "trainer=rtx3050", "memory_gb=4")
    assert "precision bf16-mixed" in capfd.readouterr().out


def test_the_configured_optimiser_is_named_and_counted(capfd):
    sgd = "optimizer=adamw", "optimizer._target_=torch.optim.SGD", "~optimizer.betas", "optimizer.fused=false"
    launch("check_gpu", *SMALL, *sgd, "memory_gb=4")
    output = capfd.readouterr().out
    assert re.search(r"state of SGD +0\.00 GiB", output) and "AdamW" not in output


def test_what_auto_chooses_is_printed(capfd):
    launch("check_gpu", "model=lite", "trainer=rtx3050")
    output = capfd.readouterr().out
    assert "activation_checkpointing=auto recomputes 0 of 4 blocks" in output


def test_an_experiment_is_checked_as_it_trains():
    assert composed("check_gpu", "experiment=demo").data.seconds == composed("train", "experiment=demo").data.seconds


@pytest.mark.parametrize(
    ("size", "output"),
    [
        ("x", "memory_gb=x must be a number"),
        ("0", "memory_gb=0 must be above 0"),
        ("inf", "memory_gb=inf must be a finite number"),
    ],
)
def test_a_wrong_size_is_reported(capfd, size, output):
    with pytest.raises(SystemExit) as ended:
        launch("check_gpu", *SMALL, f"memory_gb={size}")
    assert ended.value.code == 2
    assert output in " ".join(capfd.readouterr().err.split())


def test_a_precision_without_an_estimate_is_named(capfd):
    with pytest.raises(SystemExit) as ended:
        launch("check_gpu", *SMALL, "trainer.precision=64-true")
    assert ended.value.code == 2
    assert "trainer.precision=64-true" in capfd.readouterr().err


class FakeGpu:
    """Pretend GPU that fits steps of a number of excerpts; others run out of memory."""

    def __init__(self, monkeypatch, bound: int, error: Exception | None = None) -> None:
        self.bound = bound
        self.error = error
        self.tried = []
        monkeypatch.setattr(module, "training_device", lambda cfg: torch.device("cuda"))
        monkeypatch.setattr(module, "memory_limit", lambda cfg, device: 4 * GIB)
        monkeypatch.setattr(module, "plain_step", lambda model, loss, optimizer, stems, half: stems)
        monkeypatch.setattr(module, "peak_of_steps", self.peak)
        monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **__: tensor)

    def peak(self, stems: torch.Tensor) -> int:
        self.tried.append(len(stems))
        if len(stems) <= self.bound:
            return GIB
        if self.error:
            raise self.error
        return 4 * GIB - CONTEXT + 1


def checked(capfd, *overrides: str) -> tuple[int, str]:
    """The exit status and what is printed."""
    status = 0
    try:
        launch("check_gpu", *SMALL, "trainer=gpu", "trainer.precision=32-true", *overrides)
    except SystemExit as ended:
        status = ended.code
    return status, " ".join(capfd.readouterr().out.split())


FULL = [None, torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling")]


@pytest.mark.parametrize("error", FULL)
def test_on_a_gpu_the_largest_batch_of_real_steps_is_found(capfd, monkeypatch, error):
    gpu = FakeGpu(monkeypatch, bound=5, error=error)
    status, output = checked(capfd, "trainer.accumulate_grad_batches=12")  # 24 excerpts
    assert status == 0
    assert "up to 5 of the 24 excerpts" in output
    assert "data.batch_size=4 trainer.accumulate_grad_batches=6" in output
    assert max(gpu.tried) <= 10


def test_a_batch_that_real_steps_cannot_take_does_not_fit(capfd, monkeypatch):
    FakeGpu(monkeypatch, bound=1, error=FULL[1])
    status, output = checked(capfd)
    assert status == 1
    assert "data.batch_size=1 trainer.accumulate_grad_batches=8" in output and "does not fit" in output


def test_no_batch_above_the_effective_batch_is_tried(capfd, monkeypatch):
    gpu = FakeGpu(monkeypatch, bound=100)
    status, output = checked(capfd)
    assert (status, max(gpu.tried)) == (0, 8)
    assert "up to 8 of the 8 excerpts" in output


def test_another_error_of_a_step_is_no_lack_of_memory(capfd, monkeypatch):
    FakeGpu(monkeypatch, bound=0, error=RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        checked(capfd)


def test_another_machines_gpu_is_judged_by_the_estimate(capfd, monkeypatch):
    gpu = FakeGpu(monkeypatch, bound=0)
    assert checked(capfd, "memory_gb=4")[0] == 0
    assert gpu.tried == []
