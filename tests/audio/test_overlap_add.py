from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bsroformer.audio.overlap_add import OverlapAdd, WindowSpan, fade_weights, windows

SIZE = 12
LENGTHS = [1, 2, 11, 12, 13, 17, 23, 24, 25, 101]
STEPS = [1, 3, 5, 6, 11, 12]


def processed(signal: Tensor, step: int, fade: int) -> list[Tensor]:
    """The blocks of unchanged windows."""
    joined = OverlapAdd(fade)
    return [joined.add(window, span) for span, window in windows([signal], SIZE, step)]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("step", STEPS)
def test_windows_of_one_size_cover_the_signal_without_a_gap(length, step):
    found = [span for span, _ in windows([torch.zeros(length)], SIZE, step)]
    assert (found[0].start, found[-1].stop) == (0, length)
    assert all(span.stop - span.start == min(SIZE, length) for span in found)
    assert [span.first for span in found] == [True] + [False] * (len(found) - 1)
    assert [span.last for span in found] == [False] * (len(found) - 1) + [True]
    for span, following in pairwise(found):
        assert span.start < following.start <= span.stop
        assert following.start - span.start == step or (following.last and following.start - span.start < step)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fade", ["none", "short", "overlap", "window"])
def test_unchanged_windows_join_to_the_signal_itself(length, step, fade):
    fade = {"none": 0, "short": (SIZE - step + 1) // 2, "overlap": SIZE - step, "window": SIZE}[fade]
    signal = torch.randn(2, 3, length)
    torch.testing.assert_close(torch.cat(processed(signal, step, fade), dim=-1), signal, rtol=1e-6, atol=1e-6)


def test_the_signal_given_in_is_left_alone():
    signal = torch.randn(2, 40)
    before = signal.clone()
    processed(signal, 5, 7)
    assert torch.equal(signal, before)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("step", STEPS)
def test_final_samples_are_returned_and_at_most_a_window_is_held(length, step):
    joined, given_out = OverlapAdd(SIZE - step), 0
    for span, window in windows([torch.randn(2, length)], SIZE, step):
        given_out += joined.add(window, span).shape[-1]
        assert given_out == joined.position == (length if span.last else span.start)
        assert joined.total.shape[-1] == len(joined.weight) == span.stop - given_out <= SIZE


def test_two_windows_cross_fade_linearly():
    joined = OverlapAdd(fade=4)
    returned = [
        joined.add(torch.ones(10), WindowSpan(0, 10, first=True, last=False)),
        joined.add(torch.zeros(10), WindowSpan(6, 16, first=False, last=True)),
    ]
    torch.testing.assert_close(torch.cat(returned), torch.tensor([1.0] * 6 + [0.875, 0.625, 0.375, 0.125] + [0.0] * 6))


@pytest.mark.parametrize("fade", [0, 1, 5, 6, 12])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_weights_fade_linearly_at_inner_edges_and_are_never_zero(fade, first, last):
    weights = fade_weights(WindowSpan(5, 5 + SIZE, first, last), fade)
    middles = torch.arange(SIZE) + 0.5
    expected = torch.ones(SIZE)
    if fade and not first:
        expected *= (middles / fade).clamp(max=1)
    if fade and not last:
        expected *= ((SIZE - middles) / fade).clamp(max=1)
    torch.testing.assert_close(weights, expected)
    assert weights.min() > 0


def cut(signal: Tensor, lengths: list[int]) -> list[Tensor]:
    """Blocks (... t) of a signal, of these lengths, again and again."""
    ends = [0]
    while ends[-1] < signal.shape[-1]:
        ends.append(ends[-1] + lengths[(len(ends) - 1) % len(lengths)])
    return [signal[..., start:stop] for start, stop in pairwise(ends)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    length=st.integers(1, 200),
    size=st.integers(1, 60),
    block_lengths=st.lists(st.integers(1, 90), min_size=1, max_size=5),
    data=st.data(),
)
def test_any_stream_windows_fade_and_shift_join_to_the_signal(length, size, block_lengths, data):
    step = data.draw(st.integers(1, size), "step")
    shift = data.draw(st.integers(0, step - 1), "shift")
    fade = data.draw(st.integers(0, size), "fade")
    signal = torch.randn(2, length, generator=torch.Generator().manual_seed(length))
    whole = list(windows([signal], size, step, shift))
    streamed = list(windows(cut(signal, block_lengths), size, step, shift))
    assert [span for span, _ in whole] == [span for span, _ in streamed]
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(whole, streamed, strict=True))
    joined = OverlapAdd(fade)
    back = torch.cat([joined.add(window, span) for span, window in streamed], dim=-1)
    assert back.shape == signal.shape
    assert (back - signal).abs().max() <= 1e-6 * signal.abs().max()


def test_each_window_is_yielded_once_a_later_sample_is_read():
    read = 0

    def blocks():
        nonlocal read
        for block in torch.randn(2, 100).split(1, dim=-1):
            read += 1
            yield block

    for span, _ in windows(blocks(), SIZE, 5):
        assert read == (100 if span.last else span.stop + 1)


def test_a_shift_moves_all_windows_but_the_first_and_last():
    starts = [span.start for span, _ in windows([torch.zeros(50)], SIZE, 6, shift=2)]
    assert starts == [0, 4, 10, 16, 22, 28, 34, 38]


def test_an_empty_stream_has_no_windows():
    assert not list(windows([], SIZE, 5))
    assert not list(windows([torch.zeros(2, 0)], SIZE, 5))
