from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bsroformer import devices
from bsroformer.errors import Cancelled, InputError
from bsroformer.inference import Ensemble, Separator
from bsroformer.inference.stem_selection import with_stems
from bsroformer.inference.stream_separator import StreamSeparator

RATE, WINDOW = 100, 20  # Hz and samples: windows of 0.2 s


class Echo(nn.Module):
    """A stand-in for a model: its stems are the mixture, and half of it negated."""

    stems, sample_rate = ("same", "negated half"), RATE
    channels, chunk_seconds = 2, WINDOW / RATE
    settings = SimpleNamespace(architecture="echo")

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


def test_a_mixture_of_one_window_equals_the_models_output(tiny_model):
    mixture = torch.randn(2, 800)
    torch.testing.assert_close(separator(tiny_model)(mixture), tiny_model(mixture.unsqueeze(0))[0])


def test_windows_are_training_excerpts_long_and_batched():
    model = Echo()
    separator(model, batch_size=3)(torch.randn(2, 75))  # at 0, 10, 20, ... 50 and 55
    assert model.batches == [(3, 2, WINDOW), (3, 2, WINDOW), (1, 2, WINDOW)]


def test_neighbouring_windows_cross_fade_over_their_overlap():
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


def test_the_model_runs_in_inference_mode_and_the_set_precision():
    for precision, autocast in (("fp32", False), ("bf16", True)):
        model = Echo().train()
        assert separator(model, precision=precision)(torch.randn(2, 50)).dtype == torch.float32
        assert model.conditions == {(False, True, autocast)}


@pytest.mark.parametrize("computes", [True, False])
def test_the_default_precision_is_bf16_on_hardware_that_has_it(monkeypatch, computes):
    monkeypatch.setattr(devices, "computes_bf16", lambda device: computes)
    model = Echo()
    separator(model, precision="auto")(torch.randn(2, 50))
    assert model.conditions == {(False, True, computes)}


def test_the_outputs_are_described():
    assert (separator().stems, separator().sample_rate, separator().channels) == (("same", "negated half"), RATE, 2)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    length=st.integers(1, 150),
    block=st.integers(1, 200),
    overlap=st.floats(0, 0.99),
    batch_size=st.integers(1, 5),
    shifts=st.integers(1, 4),
    tta=st.sampled_from([(), ("channel_swap",), ("polarity",), ("channel_swap", "polarity")]),
)
def test_a_stream_in_any_blocks_equals_the_whole_mixture(length, block, overlap, batch_size, shifts, tta):
    mixture = torch.randn(2, length, generator=torch.Generator().manual_seed(length))
    shifts = min(shifts, max(1, round(WINDOW * (1 - overlap))))
    chosen = separator(overlap=overlap, batch_size=batch_size, shifts=shifts, tta=tta)
    whole = chosen(mixture)
    assert torch.equal(torch.cat(list(chosen.stream(mixture.split(block, dim=1))), dim=-1), whole)
    torch.testing.assert_close(whole, torch.stack([mixture, -0.5 * mixture]), rtol=0, atol=1e-6 * mixture.abs().max())


def test_a_trained_models_stream_equals_the_whole(tiny_model):
    mixture = torch.randn(2, 5003)
    chosen = separator(tiny_model, overlap=0.7, batch_size=3, shifts=2, tta=("polarity",))
    streamed = torch.cat(list(chosen.stream(mixture.split(777, dim=1))), dim=-1)
    assert torch.equal(streamed, chosen(mixture))


def test_stems_are_streamed_and_at_most_a_window_is_held():
    read = given = 0

    def mixture():
        nonlocal read
        for block in torch.randn(2, 1000).split(1, dim=1):
            read += 1
            yield block

    for block in separator(overlap=0.5).stream(mixture()):
        assert given + block.shape[-1] <= read
        given += block.shape[-1]
        assert read - given <= WINDOW + 1
    assert given == 1000


def test_passes_and_changed_windows_are_averaged():
    class LeftFirst(Echo):
        """Its stems depend on the channels' order and on the sign, and on where the window begins."""

        def forward(self, mixture: Tensor) -> Tensor:
            super().forward(mixture)
            odd = torch.stack([mixture[:, 0] * 3, mixture[:, 1].abs()], dim=1)
            return torch.stack([odd, odd + mixture[..., :1]], dim=1)

    mixture = torch.randn(2, WINDOW)
    usual, swapped, negated = (separator(LeftFirst())(given) for given in (mixture, mixture.flip(0), -mixture))
    mean = (usual + swapped.flip(1) - negated) / 3
    torch.testing.assert_close(separator(LeftFirst(), tta=("channel_swap", "polarity"))(mixture), mean)


def test_shifts_move_the_windows_evenly_over_a_step():
    starts = []

    class Listening(Echo):
        def forward(self, mixture: Tensor) -> Tensor:
            starts.append(int(mixture[0, 0, 0]))
            return super().forward(mixture)

    counted = torch.arange(60.0).expand(2, -1)
    separator(Listening(), overlap=0.5, shifts=2)(counted)
    assert sorted(starts) == [0, 0, 5, 10, 15, 20, 25, 30, 35, 40, 40]


@pytest.mark.parametrize("signal", [torch.zeros(2, 3000), torch.ones(2, 3000), torch.full((2, 3000), 1e-30)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_silence_and_a_constant_give_finite_stems(tiny_model, signal, precision):
    stems = separator(tiny_model, precision=precision)(signal)
    assert stems.isfinite().all()
    if not signal.any():
        assert not stems.any()


def test_only_the_selected_stems_are_computed(tiny_model):
    mixture = torch.randn(2, 2000)
    both = separator(tiny_model)(mixture)
    for stems, numbers in ((["other"], [1]), (["Other", "VOCALS"], [1, 0]), (["vocals", "other"], [0, 1])):
        chosen = separator(tiny_model, stems=stems)
        assert chosen.stems == tuple(tiny_model.stems[number] for number in numbers)
        torch.testing.assert_close(chosen(mixture), both[numbers])
    assert tiny_model.stems == ("vocals", "other")
    torch.testing.assert_close(separator(tiny_model)(mixture), both)


def test_a_model_with_fewer_stems_shares_trunk_and_estimators(tiny_model):
    fewer = with_stems(tiny_model, ["other"])
    assert fewer.blocks[0].time.attentions[0].to_qkv.weight.data_ptr() == (
        tiny_model.blocks[0].time.attentions[0].to_qkv.weight.data_ptr()
    )
    count, of_masks = (
        sum(weight.numel() for weight in module.parameters()) for module in (tiny_model, tiny_model.mask_estimators)
    )
    assert sum(weight.numel() for weight in fewer.parameters()) == count - of_masks // 2
    assert with_stems(tiny_model, ["vocals", "other"]) is tiny_model


@pytest.mark.parametrize("stems", [["piano"], [], ["vocals", "vocals"]])
def test_unknown_stems_are_refused(tiny_model, stems):
    with pytest.raises(InputError, match=r"stems=\[.*name one or more of the model's stems vocals, other, each once"):
        separator(tiny_model, stems=stems)


@pytest.mark.parametrize("length", [5, 75, 333])
def test_progress_is_reported_in_finished_seconds_to_the_end(length):
    reported: list[tuple[float, float | None]] = []
    separator(batch_size=2)(torch.randn(2, length), progress=lambda *seconds: reported.append(seconds))
    done, total = zip(*reported, strict=True)
    assert list(done) == sorted(done)
    assert (done[-1], set(total)) == (length / RATE, {length / RATE})


def test_a_separation_is_cancelled_after_the_current_block():
    model = Echo()
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        separator(model, overlap=0.0)(torch.randn(2, 333), cancelled=lambda: next(answers))
    assert 3 <= len(model.batches) <= 4


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 2.0, float("nan")])
def test_an_overlap_outside_of_its_range_is_refused(overlap):
    with pytest.raises(InputError, match=f"overlap={overlap} must be in"):
        separator(overlap=overlap)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_without_windows_is_refused(batch_size):
    for name in ("batch_size", "shifts"):
        with pytest.raises(InputError, match=f"{name}={batch_size} must be 1 or more"):
            separator(**{name: batch_size})


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_window_without_samples_is_refused(seconds):
    with pytest.raises(InputError, match=f"chunk_seconds={seconds} must be above 0"):
        separator(chunk_seconds=seconds)


@pytest.mark.parametrize(
    "arguments",
    [
        {"precision": "fp16"},
        {"engine": "onnx"},
        {"tta": ["mirror"]},
        {"chunk_seconds": float("inf")},
        {"chunk_seconds": float("nan")},
    ],
)
def test_an_invalid_value_is_refused_by_its_key(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        separator(**arguments)


@pytest.mark.parametrize("device", ["banana", "cuda:99", "cuda:x", "", "xla"])
def test_an_unavailable_device_is_reported(device):
    with pytest.raises(InputError, match=f"device={device} is not available here; try device=auto or device=cpu"):
        separator(device=device)


@pytest.mark.parametrize("shape", [(100,), (1, 100), (3, 100), (2, 0), (1, 2, 100)])
def test_a_mixture_of_another_shape_is_refused(shape):
    with pytest.raises(InputError, match=r"audio of shape \(2 channels, samples\), got \("):
        separator()(torch.randn(shape))


class Identity(StreamSeparator):
    stems, sample_rate, channels = ("all",), 8000, 2

    def stream(self, mixture):
        return (block[None] for block in mixture)


def test_a_numpy_array_is_separated_as_a_tensor_is():
    audio = np.linspace(-1, 1, 20).reshape(10, 2).T  # float64, not contiguous
    np.testing.assert_array_equal(Identity()(audio)[0].numpy(), audio.astype(np.float32))
    assert repr(Identity()) == "Identity(stems=['all'], sample_rate=8000, channels=2)"


@pytest.mark.parametrize("mixture", ["a.wav", Path("a.wav"), np.zeros((2, 9), np.int16), [[0.0]], np.zeros((9, 2))])
def test_another_type_of_mixture_is_an_input_error(mixture):
    with pytest.raises(InputError, match=r"separate_file|floating-point|2 channels"):
        Identity()(mixture)


@pytest.mark.parametrize(("overlap", "shifts"), [(0.0, 1), (0.5, 1), (0.5, 3), (0.75, 2), (0.93, 1)])
@pytest.mark.parametrize("length", [1, 19, 20, 21, 30, 31, 39, 40, 41, 333])
def test_windows_are_counted_before_and_while_they_are_computed(length, overlap, shifts):
    shifts = min(shifts, max(1, round(WINDOW * (1 - overlap))))
    chosen, model, counted = separator(overlap=overlap, shifts=shifts), Echo(), []
    several = Ensemble([separator(model, overlap=overlap, shifts=shifts, batch_size=2), chosen])
    several.on_windows = counted.append
    several(torch.randn(2, length))
    computed = sum(batch[0] for batch in model.batches)
    assert chosen.count_windows(length) == computed
    assert several.count_windows(length) == 2 * computed == sum(counted)
