from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from bsroformer import inference
from bsroformer.errors import InputError
from bsroformer.inference import Separator

RATE, WINDOW = 100, 20  # Hz and samples: windows of 0.2 s


class Echo(nn.Module):
    """A stand-in for a model: its stems are the mixture, and half of it negated."""

    stems, sample_rate = ("same", "negated half"), RATE
    settings = SimpleNamespace(chunk_seconds=WINDOW / RATE, channels=2)

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, ...]] = []
        self.conditions: set[tuple[bool, bool, bool]] = set()

    def forward(self, mixture: Tensor) -> Tensor:
        self.batches.append(tuple(mixture.shape))
        autocast = torch.is_autocast_enabled(mixture.device.type)
        self.conditions.add((self.training, torch.is_inference_mode_enabled(), autocast))
        return torch.stack([mixture, -0.5 * mixture], dim=1)


def separator(model: nn.Module | None = None, **arguments) -> Separator:
    return Separator(model or Echo(), **({"device": "cpu", "precision": "fp32"} | arguments))


@pytest.mark.parametrize("length", [1, 2, 19, 20, 21, 39, 40, 41, 333])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.93, 0.999])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_model_that_changes_nothing_gives_the_mixture_back(length, overlap, batch_size):
    mixture = torch.randn(2, length)
    stems = separator(overlap=overlap, batch_size=batch_size)(mixture)
    assert stems.dtype == torch.float32
    torch.testing.assert_close(stems, torch.stack([mixture, -0.5 * mixture]), rtol=1e-5, atol=1e-6)


def test_a_trained_models_stems_do_not_depend_on_the_batch_size(tiny_model):
    mixture = torch.randn(2, 5000)
    expected = separator(tiny_model)(mixture)
    assert expected.shape == (2, 2, 5000)
    for batch_size in (2, 3, 100):
        torch.testing.assert_close(separator(tiny_model, batch_size=batch_size)(mixture), expected)


def test_a_mixture_of_one_window_is_what_the_model_itself_makes_of_it(tiny_model):
    mixture = torch.randn(2, 800)
    torch.testing.assert_close(separator(tiny_model)(mixture), tiny_model(mixture.unsqueeze(0))[0])


def test_windows_have_the_length_of_training_excerpts_and_come_in_batches():
    model = Echo()
    separator(model, batch_size=3)(torch.randn(2, 75))  # at 0, 10, 20, ... 50 and 55
    assert model.batches == [(3, 2, WINDOW), (3, 2, WINDOW), (1, 2, WINDOW)]


def test_neighbouring_windows_are_cross_faded_over_their_whole_overlap():
    class Counting(Echo):
        def forward(self, mixture: Tensor) -> Tensor:
            self.batches.append(tuple(mixture.shape))
            return torch.full((1, 2, *mixture.shape[1:]), float(len(self.batches)))

    steps = separator(Counting(), overlap=0.25)(torch.randn(2, 50))[0, 0].diff()  # fades of 5 samples
    assert steps.max() == pytest.approx(1 / 5)
    assert (steps > 0.05).sum() == 2 * 6


def test_the_length_of_a_window_can_be_chosen():
    model = Echo()
    separator(model, chunk_seconds=0.5, overlap=0.0)(torch.randn(2, 101))
    assert model.batches == [(1, 2, 50)] * 3


def test_the_model_runs_in_evaluation_and_inference_mode_in_the_precision_asked_for():
    for precision, autocast in (("fp32", False), ("bf16", True)):
        model = Echo().train()
        assert separator(model, precision=precision)(torch.randn(2, 50)).dtype == torch.float32
        assert model.conditions == {(False, True, autocast)}


@pytest.mark.parametrize("computes", [True, False])
def test_the_precision_is_bf16_by_default_where_the_hardware_computes_it(monkeypatch, computes):
    monkeypatch.setattr(inference.separator, "computes_bf16", lambda device: computes)
    assert separator(precision="auto").bf16 == computes


def test_the_outputs_are_described():
    assert (separator().stems, separator().sample_rate) == (("same", "negated half"), RATE)


@pytest.mark.parametrize("length", [5, 75, 333])
def test_progress_is_told_in_finished_samples_up_to_the_last(length):
    told: list[tuple[int, int]] = []
    separator(batch_size=2)(torch.randn(2, length), progress=lambda *samples: told.append(samples))
    done, total = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert (done[-1], set(total)) == (length, {length})


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 2.0, float("nan")])
def test_an_overlap_that_is_no_share_is_told(overlap):
    with pytest.raises(InputError, match=f"overlap={overlap} is not a share from 0 up to less than 1"):
        separator(overlap=overlap)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_without_windows_is_told(batch_size):
    with pytest.raises(InputError, match=f"batch_size={batch_size} must be 1 or more"):
        separator(batch_size=batch_size)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_window_without_samples_is_told(seconds):
    with pytest.raises(InputError, match=f"chunk_seconds={seconds} must be a number of seconds above 0"):
        separator(chunk_seconds=seconds)


@pytest.mark.parametrize(
    "arguments", [{"precision": "fp16"}, {"chunk_seconds": float("inf")}, {"chunk_seconds": float("nan")}]
)
def test_a_precision_or_length_of_another_kind_is_told(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        separator(**arguments)


@pytest.mark.parametrize("device", ["banana", "cuda:99", "cuda:x", "", "xla"])
def test_a_device_that_is_not_there_is_told(device):
    with pytest.raises(InputError, match=f"device={device} is not available here; try device=auto or device=cpu"):
        separator(device=device)


@pytest.mark.parametrize("shape", [(100,), (1, 100), (3, 100), (2, 0), (1, 2, 100)])
def test_a_mixture_of_another_shape_is_told(shape):
    with pytest.raises(InputError, match=r"audio of shape \(2 channels, samples\), got \("):
        separator()(torch.randn(shape))
