"""Averages of streams of stems that give out their samples in pieces of different lengths."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor


class Held:
    """Samples ``(... t)`` of a stream that wait for others.

    Args:
        pieces: The stream.
    """

    def __init__(self, pieces: Iterable[Tensor]) -> None:
        self._pieces = iter(pieces)
        self._first: Tensor | None = None

    def __len__(self) -> int:
        """The samples at hand; none only once the stream has ended."""
        while self._first is None or self._first.shape[-1] == 0:
            self._first = next(self._pieces, None)
            if self._first is None:
                return 0
        return self._first.shape[-1]

    def take(self, count: int) -> Tensor:
        """The next `count` samples of those at hand."""
        assert self._first is not None
        taken, self._first = self._first[..., :count], self._first[..., count:]
        return taken


def weighted_sum(streams: Sequence[Iterable[Tensor]], weights: Tensor) -> Iterator[Tensor]:
    """Sum streams of equal length, in pieces as long as the shortest at hand.

    Args:
        streams: Stems ``(n c t)``, piece by piece.
        weights: Of each stem of each stream, ``(streams n)``.

    Yields:
        Stems ``(n c t)``.
    """
    held = [Held(stream) for stream in streams]
    while count := min(len(each) for each in held):
        parts = [each.take(count) for each in held]
        yield torch.stack([part * weight[:, None, None] for part, weight in zip(parts, weights, strict=True)]).sum(0)
