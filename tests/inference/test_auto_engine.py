import re
import sys

import pytest
import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference import Separator
from bsroformer.inference.engines import AutoEngine, Engine, TorchEngine, auto_engine

SIZE = 100


class Stub:
    """An engine with a fixed duration for a window, and a longer one for the first."""

    half, choice = None, ""

    def __init__(self, clock: list[float], seconds: float, start: float = 0.0) -> None:
        self.clock, self.seconds, self.start, self.computed = clock, seconds, start, 0

    def __call__(self, windows: Tensor) -> Tensor:
        self.clock[0] += self.seconds * len(windows) + self.start
        self.start = 0.0
        self.computed += len(windows)
        return windows


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(auto_engine.time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(("batch", "windows"), [(1, 100), (3, 99)])
@pytest.mark.parametrize(("seconds", "chosen"), [(0.4, "OpenVINO"), (1.0, "PyTorch"), (1.6, "PyTorch")])
def test_the_faster_engine_computes_the_remaining_windows(clock, seconds, chosen, batch, windows):
    """PyTorch gets 20 s, the comparison two calls; building a graph does not count."""
    first, other = Stub(clock, 1.0), Stub(clock, seconds, start=30.0)
    engine = AutoEngine(first, lambda: other, SIZE)
    for _ in range(windows // batch):
        engine(torch.zeros(batch, 2, SIZE))
    tried = 2 * batch
    at_first = -(-20 // batch) * batch
    assert first.computed + other.computed == windows
    assert other.computed == (windows - at_first if chosen == "OpenVINO" else tried)
    times = f"({seconds:.2f} s a window with OpenVINO"
    assert engine.choice.startswith(f"engine=auto: {chosen} computes the remaining windows {times}")


def test_a_short_song_does_not_wait_for_a_graph(clock):
    engine = AutoEngine(Stub(clock, 1.0), lambda: pytest.fail("tried"), SIZE)
    for _ in range(20):
        engine(torch.zeros(1, 2, SIZE))
    for _ in range(50):
        engine(torch.zeros(1, 2, SIZE - 1))  # the ends of songs
    assert engine.choice == ""


def test_an_engine_that_cannot_compute_the_model_is_not_chosen(clock):
    def make_other() -> Stub:
        raise InputError("OpenVINO cannot compute this model")

    engine = AutoEngine(first := Stub(clock, 30.0), make_other, SIZE)
    for _ in range(3):
        engine(torch.zeros(1, 2, SIZE))
    assert first.computed == 3
    assert engine.choice == "engine=auto: PyTorch: OpenVINO cannot compute this model"


def test_auto_gives_the_stems_of_pytorch(tiny_model, monkeypatch):
    pytest.importorskip("openvino")

    def timed(engine: Engine, windows: Tensor) -> tuple[Tensor, float]:
        return engine(windows), 2.0 if isinstance(engine, TorchEngine) else 1.0

    monkeypatch.setattr(auto_engine, "TRIAL_AFTER_S", 0.5)
    monkeypatch.setattr(auto_engine, "_timed", timed)
    mixture = 0.1 * torch.randn(2, 5000)
    plain = Separator(tiny_model, device="cpu", precision="fp32")(mixture)
    auto = Separator(tiny_model, device="cpu", precision="fp32", engine="auto")
    torch.testing.assert_close(auto(mixture), plain, rtol=1e-3, atol=1e-4 * float(plain.abs().max()))
    assert "OpenVINO computes the remaining windows" in auto.engine_choice


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"compile": True}, "compile=true"), ({}, r"OpenVINO is not installed; pip install -e .*\[openvino\]")],
)
def test_auto_without_a_choice_is_pytorch_and_reports_why(tiny_model, monkeypatch, arguments, reason):
    if not arguments:
        monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: None)
    separator = Separator(tiny_model, device="cpu", precision="fp32", engine="auto", **arguments)
    assert not isinstance(separator.engine, AutoEngine)
    assert re.match(f"engine=auto: PyTorch, .*{reason}", separator.engine_choice)
