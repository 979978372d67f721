r"""Overlapping windows of a long signal, and the sum of the processed windows.

::

    signal    |----------------------------------------------|
    window 0  |===========\                      first: no fade-in
    window 1         /===========\
    window 2                /===========\
    window 3                           /=====================|   last: ends with the signal, no fade-out

A streaming cutter and a streaming accumulator, independent of models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WindowSpan:
    """Samples of a signal that a window covers.

    Attributes:
        start: First sample.
        stop: Sample after the last one.
        first: Whether it is the first window of the signal.
        last: Whether it is the last one.
    """

    start: int
    stop: int
    first: bool
    last: bool


def windows(blocks: Iterable[Tensor], size: int, step: int, shift: int = 0) -> Iterator[tuple[WindowSpan, Tensor]]:
    """Cut a stream into windows of `size` samples every `step`.

    The last window ends with the stream. Memory is one window and one block for a stream of any length.

    Args:
        blocks: The stream, in blocks ``(... t)`` of any length.
        size: Samples of a window; a shorter stream gives one window of its own length.
        step: Samples between the starts of two windows, at most `size`.
        shift: Samples by which the second window and all later ones start earlier, less than `step`.

    Yields:
        Span and samples ``(... size)`` of each window in order; nothing for an empty stream.
    """
    held: Tensor | None = None
    position = 0  # first sample of `held`
    start = 0  # first sample of the next window
    for block in blocks:
        held = block if held is None else torch.cat([held, block], dim=-1)
        while position + held.shape[-1] > start + size:  # it is not the last one
            inner = slice(start - position, start - position + size)
            yield WindowSpan(start, start + size, start == 0, last=False), held[..., inner]
            held = held[..., inner.start :]  # the last window may begin one sample later
            position = start
            start += step if start else step - shift
    if held is None:
        return
    length = position + held.shape[-1]
    if length:
        start = max(0, length - size)
        yield WindowSpan(start, length, start == 0, last=True), held[..., start - position :]


def fade_weights(span: WindowSpan, fade: int, device: torch.device | None = None) -> Tensor:
    """Compute the weight of each sample of a window, ``(t)``.

    It is 1, with linear fades of `fade` samples to the neighbours. No weight is zero, so that a sample in a single
    window keeps its value.
    """
    weights = torch.ones(span.stop - span.start, device=device)
    if span.first and span.last:
        return weights
    ramp = (torch.arange(fade, device=device) + 0.5) / max(fade, 1)
    if not span.first:
        weights[:fade] *= ramp[: len(weights)]
    if not span.last:
        weights[len(weights) - fade :] *= ramp.flip(0)
    return weights


class OverlapAdd:
    """Weighted mean of overlapping windows.

    Samples are returned as soon as no later window can change them. Windows are added in the order of their starts;
    memory is one window for a signal of any length.

    Args:
        fade: Samples of each fade.
    """

    def __init__(self, fade: int) -> None:
        self.fade = fade
        self.position = 0  # first sample of `total`
        self.total: Tensor | None = None  # (... t)
        self.weight: Tensor | None = None  # (t)

    def add(self, window: Tensor, span: WindowSpan) -> Tensor:
        """Add a window ``(... t)`` and return the finished samples ``(... s)``."""
        weight = fade_weights(span, self.fade, window.device)
        if window.device.type == "cpu":  # the sum of some hundred windows must be exact to 1e-6
            window = window.double()
            weight = weight.double()
        if self.total is None or self.weight is None:
            self.total = window[..., :0]
            self.weight = weight[:0]
        finished = self._take(span.start - self.position)
        missing = span.stop - self.position - len(self.weight)
        self.total = torch.nn.functional.pad(self.total, (0, missing))
        self.weight = torch.nn.functional.pad(self.weight, (0, missing))
        offset = span.start - self.position
        self.total[..., offset:] += window * weight
        self.weight[offset:] += weight
        if span.last:
            finished = torch.cat([finished, self._take(len(self.weight))], dim=-1)
        return finished.float()

    def _take(self, count: int) -> Tensor:
        assert self.total is not None and self.weight is not None
        finished = self.total[..., :count] / self.weight[:count]
        self.total = self.total[..., count:]
        self.weight = self.weight[count:]
        self.position += count
        return finished
