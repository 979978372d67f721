import itertools
from types import SimpleNamespace

import pytest
import torch

from bsroformer.training.callbacks import throughput
from bsroformer.training.callbacks.throughput import MEMORY, SPEED, Throughput
from bsroformer.training.module import SeparationModule

BATCH = torch.zeros(2, 4, 2, 12_000)  # (b n c t): 3 s at the model's 8 kHz


class Run:
    """A training without a trainer, whose clock the tests advance."""

    def __init__(self, module: SeparationModule, world_size: int = 1) -> None:
        self.module, self.logged, self.clock = module, [], 100.0
        self.trainer = SimpleNamespace(global_step=0, log_every_n_steps=2, world_size=world_size, sanity_checking=False)
        module.log = lambda name, value: self.logged.append((self.trainer.global_step, name, value))
        self.callback = Throughput()
        self.callback.on_train_start(self.trainer, module)

    def batch(self, seconds: float, step: bool = True) -> None:
        self.callback.on_train_batch_start(self.trainer, self.module, BATCH, 0)
        self.clock += seconds
        self.trainer.global_step += step
        self.callback.on_train_batch_end(self.trainer, self.module, None, BATCH, 0)

    def validation(self, seconds: float) -> None:
        self.callback.on_validation_start(self.trainer, self.module)
        self.clock += seconds

    @property
    def speeds(self) -> list[tuple[int, float]]:
        return [(step, pytest.approx(value)) for step, name, value in self.logged if name == SPEED]


@pytest.fixture
def run(tiny_model, monkeypatch) -> Run:
    module = SeparationModule(tiny_model, torch.nn.Identity(), lambda groups: None, lambda optimizer, steps: None)
    run = Run(module)
    monkeypatch.setattr(throughput, "now", lambda device: run.clock)
    return run


def test_speed_excludes_the_first_batch(run):
    for seconds in (60.0, 1.5, 1.5, 0.5):
        run.batch(seconds)
    assert run.speeds == [(2, 3 / 1.5), (4, 6 / 2.0)]


def test_speed_excludes_validations(run):
    run.batch(1.0)
    run.validation(50.0)
    run.batch(1.0)
    run.validation(50.0)
    run.validation(50.0)
    run.batch(1.0)
    run.batch(2.0)
    assert run.speeds == [(2, 3 / 1.0), (4, 6 / 3.0)]


def test_all_devices_count(run):
    run.trainer.world_size = 4
    run.batch(1.0)
    run.batch(1.0)
    assert run.speeds == [(2, 12.0)]


def test_an_accumulated_step_is_logged_once_when_complete(run):
    for complete in (False, True, False, True, False, True, False, True):
        run.batch(1.0, step=complete)
    assert run.speeds == [(2, 3.0), (4, 3.0)]


def test_a_resumed_run_counts_from_where_it_resumes(run):
    run.trainer.global_step = 2
    run.callback.on_train_start(run.trainer, run.module)
    run.batch(1.0, step=False)
    for _ in range(2):
        run.batch(1.0)
    assert run.speeds == [(4, 3.0)]


@pytest.mark.parametrize(("memory", "logged"), [(3 * 2**30, [3.0]), (float("nan"), [])])
def test_memory_is_logged_where_it_is_known(run, monkeypatch, memory, logged):
    monkeypatch.setattr(throughput, "peak_memory", lambda device: memory)
    run.batch(1.0)
    run.batch(1.0)
    assert [value for _, name, value in run.logged if name == MEMORY] == logged


def test_the_peak_of_this_process_grows_with_its_memory():
    before = throughput.peak_memory(torch.device("cpu"))
    held = [torch.ones(2**24) for _ in range(4)]  # 256 MiB
    assert not throughput.peak_memory(torch.device("cpu")) < before  # NaN where the system does not report it
    assert held


def test_the_clock_is_monotonic():
    times = [throughput.now(torch.device("cpu")) for _ in range(3)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
