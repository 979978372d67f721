import re

import pytest
import torch

from bsroformer.cli.commands.train import memory
from bsroformer.cli.commands.train.memory import advice, changed_keys, estimator, memory_advice, training_plan
from bsroformer.errors import InputError
from bsroformer.hardware import GIB
from bsroformer.training import SeparationModule
from bsroformer.training.memory.plan import Plan
from support.launched import SMALL_RUN, composed, launch

# A lite model that is quick to estimate.
BIG = ("model=lite", "data.seconds=3", "trainer=gpu", "trainer.precision=32-true", "data.batch_size=4")
SHORTAGES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError(),
]


def test_the_laptop_trainer_takes_less_than_3_2_gigabytes():
    """A GPU of 4 GB leaves about 3.2 GB to a program; averaged weights are counted."""
    cfg = composed("train", "model=lite", "trainer=rtx3050", "data.seconds=6")
    found = estimator(cfg)(training_plan(cfg))
    assert found.average == found.gradients
    assert found.counted < 3.2e9 and found.total < 3.2e9


def test_averaged_weights_are_counted_where_they_are_configured():
    for change, averaged in ((), True), (("~callbacks.ema",), False), (("callbacks=none",), False):
        estimate = estimator(composed("train", "model=tiny", *change))
        assert (estimate(Plan(1, 1, 0.1, 0)).average > 0) == averaged


def given(line: str) -> list[str]:
    """The keys and values that a piece of advice names."""
    return re.findall(r"[\w.]+=[\w.]+", line)


@pytest.mark.parametrize("share", [0.8, 0.3])
def test_advice_followed_fits(share):
    before = composed("train", *BIG)
    limit = round(share * estimator(before)(training_plan(before)).total)
    lines = advice(before, limit)
    assert lines
    for line in lines:
        after = composed("train", *BIG, *given(line))
        found = estimator(after)(training_plan(after)).total
        assert found <= limit
        assert f"estimated {found / GIB:.2f} of {limit / GIB:.2f} GiB" in line
        assert training_plan(after).effective_batch == training_plan(before).effective_batch


def test_a_smaller_model_is_advised_where_no_plan_fits():
    [line] = advice(composed("train", *BIG), GIB // 2)
    assert line.startswith("model=lite or model=tiny")


def test_only_keys_that_change_are_named():
    before = Plan(4, 2, 6, 0)
    assert changed_keys(before, before, depth=4) == ""
    assert changed_keys(before, Plan(2, 4, 6, 3), depth=4) == (
        "data.batch_size=2 trainer.accumulate_grad_batches=4 activation_checkpointing=3"
    )
    assert changed_keys(before, Plan(4, 2, 5.5, 4), depth=4) == "data.seconds=5.5 activation_checkpointing=true"


@pytest.mark.parametrize("error", SHORTAGES, ids=["gpu", "cpu", "python"])
def test_an_out_of_memory_error_names_keys_and_values(songs_root, tmp_path, monkeypatch, capfd, error):
    def out_of_memory(*_):
        raise error

    monkeypatch.setattr(SeparationModule, "training_step", out_of_memory)
    run = *SMALL_RUN, f"data.root={songs_root}", f"paths.output_dir={tmp_path}"
    with pytest.raises(SystemExit) as ended:
        launch("train", *run)
    assert ended.value.code == 2
    printed = capfd.readouterr().err.splitlines()[-1]
    assert "memory is full" in printed and "GiB)" in printed
    assert {"data.batch_size=1", "trainer.accumulate_grad_batches=2"} <= {*given(printed)}


def test_a_cpus_memory_is_measured_before_the_training(monkeypatch):
    cfg = composed("train", *BIG[:2], "trainer=cpu", "trainer.precision=32-true", "data.batch_size=4")
    left = 2.5 * GIB
    monkeypatch.setattr(memory, "available_memory", lambda: left)
    with pytest.raises(InputError, match=r"the memory is full; set .* of 2\.50 GiB\)"), memory_advice(cfg):
        left = 0.0
        raise MemoryError


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), memory_advice(composed("train", *BIG)):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_what_ran_out_must_take_less_even_if_it_seemed_to_fit(monkeypatch):
    cfg = composed("train", *BIG)
    gpu = torch.device("cuda")
    monkeypatch.setattr(memory, "gpu_memory", lambda device: (80 * GIB, 80 * GIB))
    monkeypatch.setattr(memory, "best_device", lambda: gpu)
    printed = r"the GPU's memory is full; set .*activation_checkpointing=\w+ \(estimated"
    with pytest.raises(InputError, match=printed), memory_advice(cfg):
        raise torch.OutOfMemoryError


def test_a_precision_without_an_estimate_gets_general_advice():
    with (
        pytest.raises(InputError, match=r"lower the batch size"),
        memory_advice(composed("train", *BIG[:3], "trainer.precision=64-true")),
    ):
        raise MemoryError
