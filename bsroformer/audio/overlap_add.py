r"""Cut a long signal into overlapping windows, and sum the processed windows back.

::

    signal    |----------------------------------------------|
    window 0  |===========\                      first: no fade-in
    window 1         /===========\
    window 2                /===========\
    window 3                           /=====================|   last: ends with the signal, no fade-out

A streaming cutter and a streaming accumulator; nothing here knows of models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Place:
    """Where a window lies: samples `start` to `stop` of the signal, and whether it is the first or the last."""

    start: int
    stop: int
    first: bool
    last: bool


def windows(blocks: Iterable[Tensor], size: int, step: int, shift: int = 0) -> Iterator[tuple[Place, Tensor]]:
    """Cut a stream into windows of `size` samples every `step`; the last is moved back to end with the stream.

    Memory is one window and one block, whatever the stream's length.

    Args:
        blocks: The stream, in blocks ``(... t)`` of any length.
        size: Of a window, samples; a stream shorter than that gets one window of its own length.
        step: Between the starts of two windows, at most `size`.
        shift: How much earlier the second window and all after it begin, less than `step`.

    Yields:
        Windows in their order, the place and the samples ``(... size)`` of each; none for an empty stream.
    """
    held: Tensor | None = None
    position = 0  # of the first sample that is held
    start = 0  # of the next window
    for block in blocks:
        held = block if held is None else torch.cat([held, block], dim=-1)
        while position + held.shape[-1] > start + size:  # more follows: not the last one
            inner = slice(start - position, start - position + size)
            yield Place(start, start + size, start == 0, last=False), held[..., inner]
            held, position = held[..., inner.start :], start  # the last window may begin one sample later
            start += step if start else step - shift
    length = position + (0 if held is None else held.shape[-1])
    if held is not None and length:
        start = max(0, length - size)
        yield Place(start, length, start == 0, last=True), held[..., start - position :]


def fade_weights(place: Place, fade: int, device: torch.device | None = None) -> Tensor:
    """Weight of each sample of a window, ``(t)``: 1, with linear fades of `fade` samples where it meets another.

    No weight is zero, so that a sample which only one window covers keeps its value.
    """
    weights = torch.ones(place.stop - place.start, device=device)
    if place.first and place.last:
        return weights
    ramp = (torch.arange(fade, device=device) + 0.5) / max(fade, 1)
    if not place.first:
        weights[:fade] *= ramp[: len(weights)]
    if not place.last:
        weights[len(weights) - fade :] *= ramp.flip(0)
    return weights


class OverlapAdd:
    """The weighted mean of overlapping windows, given out as soon as no later window can change it.

    Windows are added in the order of their starts; memory is one window, whatever the signal's length.

    Args:
        fade: Length of the fades, samples.
    """

    def __init__(self, fade: int) -> None:
        self.fade = fade
        self.position = 0  # of the first sample that is held
        self.total: Tensor | None = None  # (... t)
        self.weight: Tensor | None = None  # (t)

    def add(self, window: Tensor, place: Place) -> Tensor:
        """Add a window ``(... t)`` at its place; returns the samples ``(... s)`` that are finished, maybe none."""
        weight = fade_weights(place, self.fade, window.device)
        if window.device.type == "cpu":  # some hundred windows may overlap, and their sum is to be exact to 1e-6
            window, weight = window.double(), weight.double()
        if self.total is None or self.weight is None:
            self.total, self.weight = window[..., :0], weight[:0]
        finished = self._take(place.start - self.position)
        missing = place.stop - self.position - len(self.weight)
        self.total = torch.nn.functional.pad(self.total, (0, missing))
        self.weight = torch.nn.functional.pad(self.weight, (0, missing))
        offset = place.start - self.position
        self.total[..., offset:] += window * weight
        self.weight[offset:] += weight
        if place.last:
            finished = torch.cat([finished, self._take(len(self.weight))], dim=-1)
        return finished.float()

    def _take(self, count: int) -> Tensor:
        assert self.total is not None and self.weight is not None
        finished = self.total[..., :count] / self.weight[:count]
        self.total, self.weight = self.total[..., count:], self.weight[count:]
        self.position += count
        return finished
