"""Weighted sums of streams of stems whose blocks have different lengths."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor


class BlockReader:
    """A reader of any number of samples ``(... t)`` from a stream of blocks.

    Args:
        blocks: The stream.
    """

    def __init__(self, blocks: Iterable[Tensor]) -> None:
        self._blocks = iter(blocks)
        self._block: Tensor | None = None

    def available(self) -> int:
        """Return the number of samples at hand, 0 only at the end of the stream."""
        while self._block is None or self._block.shape[-1] == 0:
            self._block = next(self._blocks, None)
            if self._block is None:
                return 0
        return self._block.shape[-1]

    def read(self, count: int) -> Tensor:
        """Read up to `available` samples."""
        assert self._block is not None
        samples = self._block[..., :count]
        self._block = self._block[..., count:]
        return samples


def weighted_sum(streams: Sequence[Iterable[Tensor]], weights: Tensor) -> Iterator[Tensor]:
    """Sum streams of equal length, in blocks as long as the shortest available one.

    Args:
        streams: Blocks of stems ``(n c t)``.
        weights: Weight of each stem of each stream, ``(streams n)``.

    Yields:
        Stems ``(n c t)``.
    """
    readers = [BlockReader(stream) for stream in streams]
    while True:
        count = min(reader.available() for reader in readers)
        if count == 0:
            return
        parts = [reader.read(count) for reader in readers]
        weighted = [part * weight[:, None, None] for part, weight in zip(parts, weights, strict=True)]
        yield torch.stack(weighted).sum(0)
