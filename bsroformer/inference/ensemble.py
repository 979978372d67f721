"""Weighted mean of several separators, stem by stem."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, tee

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.weighted_sum import weighted_sum
from bsroformer.text import count as plural

Weights = Sequence[float] | Mapping[str, Sequence[float]]


class Ensemble(StreamSeparator):
    """Weighted mean of several separators of one sample rate and number of channels.

    A stem that only some members have is the mean over those.

    Args:
        members: The separators.
        weights: One for each member, or a list of them by stem; other stems have equal weights. Only the ratios
            count.

    Raises:
        InputError: If the members are incompatible, or the weights do not match them.
    """

    def __init__(self, members: Sequence[StreamSeparator], weights: Weights | None = None) -> None:
        if not members:
            raise InputError("an average needs at least one checkpoint")
        formats = {(member.sample_rate, member.channels) for member in members}
        if len(formats) != 1:
            raise InputError("checkpoints that are averaged must have one sample rate and number of channels")
        first = members[0]
        self.members = members
        self.sample_rate = first.sample_rate
        self.channels = first.channels
        names: dict[str, str] = {}  # first spelling of each stem, by its casefolded name
        for stem in chain.from_iterable(member.stems for member in members):
            names.setdefault(stem.casefold(), stem)
        self.stems = tuple(names.values())
        self.stem_numbers = [_numbers_of(member.stems, list(names)) for member in members]
        self.weights = self._normalised(weights)  # (members n)

    @property
    def on_windows(self) -> Callable[[int], None] | None:
        """See `StreamSeparator`; it is called for the windows of every member."""
        return self.members[0].on_windows

    @on_windows.setter
    def on_windows(self, called: Callable[[int], None] | None) -> None:
        for member in self.members:
            member.on_windows = called

    def count_windows(self, frames: int) -> int | None:
        """Count the windows of all members; None if unknown for one of them."""
        total = 0
        for member in self.members:
            windows = member.count_windows(frames)
            if windows is None:
                return None
            total += windows
        return total

    @property
    def engine_choice(self) -> str:
        """The distinct choices of the members."""
        choices = [member.engine_choice for member in self.members]
        return "; ".join(dict.fromkeys(choice for choice in choices if choice))

    @property
    def precision(self) -> str:
        """The precision of the members; if they differ, one other than ``fp32``."""
        names = [member.precision for member in self.members]
        return next((name for name in names if name != "fp32"), "fp32")

    @property
    def model_digest(self) -> str:
        """The digests of the members."""
        digests = [member.model_digest for member in self.members]
        return "+".join(digest for digest in digests if digest)

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture block by block: see `StreamSeparator.stream`."""
        copies = tee(mixture, len(self.members))
        members = zip(self.members, copies, self.stem_numbers, strict=True)
        streams = [self._reordered(member.stream(copy), numbers) for member, copy, numbers in members]
        return weighted_sum(streams, self.weights)

    def _reordered(self, blocks: Iterable[Tensor], numbers: Sequence[int]) -> Iterator[Tensor]:
        """Move a member's stems to their numbers; missing ones are zeros."""
        for block in blocks:
            stems = block.new_zeros(len(self.stems), *block.shape[1:])
            stems[numbers] = block
            yield stems

    def _normalised(self, weights: Weights | None) -> Tensor:
        """Compute the share of each member in each stem, ``(members n)``."""
        has_stem = torch.zeros(len(self.members), len(self.stems))
        for row, numbers in zip(has_stem, self.stem_numbers, strict=True):
            row[numbers] = 1
        shares = has_stem * self._by_stem(weights)
        total = shares.sum(dim=0)
        if (shares < 0).any() or not total.isfinite().all() or (total <= 0).any():
            raise InputError(f"weights={weights} leave a stem without a share; give numbers of 0 or more, not all 0")
        return shares / total

    def _by_stem(self, weights: Weights | None) -> Tensor:
        count = len(self.members)
        by_name = weights if isinstance(weights, Mapping) else {}
        default = [1.0] * count
        if weights is not None and not isinstance(weights, Mapping):
            default = list(weights)
        casefolded = {str(name).casefold(): values for name, values in by_name.items()}
        unknown = casefolded.keys() - {stem.casefold() for stem in self.stems}
        if unknown:
            raise InputError(f"weights name {', '.join(sorted(unknown))}, and the stems are {', '.join(self.stems)}")
        rows = [casefolded.get(stem.casefold(), default) for stem in self.stems]
        are_numbers = all(isinstance(weight, int | float) for weight in chain.from_iterable(rows))
        if not are_numbers or any(len(row) != count for row in rows):
            raise InputError(f"weights={weights} must have one number for each of {plural(count, 'checkpoint')}")
        return torch.tensor(rows, dtype=torch.float32).T


def _numbers_of(stems: Sequence[str], names: Sequence[str]) -> list[int]:
    """Find the numbers of stems in a list of casefolded names."""
    return [names.index(stem.casefold()) for stem in stems]
