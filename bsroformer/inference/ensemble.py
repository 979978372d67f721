"""Several separators, averaged stem by stem."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import tee

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.streams import weighted_sum

Weights = Sequence[float] | Mapping[str, Sequence[float]]


class Ensemble(StreamSeparator):
    """The weighted mean of what several separators find; they may differ in everything but rate and channels.

    A stem that only some of them have is the mean over those.

    Args:
        members: The separators.
        weights: One for each member; or by the stem's name, where those that are not named weigh alike. Only their
            ratios count.

    Raises:
        InputError: If the members do not go together, or the weights do not fit them.
    """

    def __init__(self, members: Sequence[StreamSeparator], weights: Weights | None = None) -> None:
        if not members:
            raise InputError("an average needs a checkpoint or more")
        if len({(member.sample_rate, member.channels) for member in members}) != 1:
            raise InputError("checkpoints that are averaged must have one sample rate and number of channels")
        first = members[0]
        self.members, self.sample_rate, self.channels = members, first.sample_rate, first.channels
        names = {stem.casefold(): stem for member in reversed(members) for stem in reversed(member.stems)}
        ordered = dict.fromkeys(stem.casefold() for member in members for stem in member.stems)
        self.stems = tuple(names[stem] for stem in ordered)
        self.places = [[list(ordered).index(stem.casefold()) for stem in member.stems] for member in members]
        self.weights = self._normalised(weights)  # (members n)

    @property
    def on_windows(self) -> Callable[[int], None] | None:
        """See `StreamSeparator`: it is called for the windows of every member."""
        return self.members[0].on_windows

    @on_windows.setter
    def on_windows(self, called: Callable[[int], None] | None) -> None:
        for member in self.members:
            member.on_windows = called

    def count_windows(self, frames: int) -> int | None:
        """Windows of all members; None if that of one is unknown."""
        counts = [member.count_windows(frames) for member in self.members]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def engine_choice(self) -> str:
        """The choices of the members."""
        return "; ".join(dict.fromkeys(member.engine_choice for member in self.members if member.engine_choice))

    @property
    def precision(self) -> str:
        """The members' own; of different ones, one that is not ``fp32``."""
        return min((member.precision for member in self.members), key=lambda name: name == "fp32")

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture ``(c t)``, block by block, into stems ``(n c t)``: see `StreamSeparator.stream`."""
        copies = tee(mixture, len(self.members))
        members = zip(self.members, copies, self.places, strict=True)
        return weighted_sum(
            [self._in_place(member.stream(copy), places) for member, copy, places in members], self.weights
        )

    def _in_place(self, pieces: Iterable[Tensor], places: Sequence[int]) -> Iterator[Tensor]:
        """Put a member's stems where they stand among all; those that it lacks are silent."""
        for piece in pieces:
            stems = piece.new_zeros(len(self.stems), *piece.shape[1:])
            stems[places] = piece
            yield stems

    def _normalised(self, weights: Weights | None) -> Tensor:
        """The share of each member in each stem, ``(members n)``."""
        has = torch.zeros(len(self.members), len(self.stems))
        for row, places in zip(has, self.places, strict=True):
            row[places] = 1
        shares = has * self._by_stem(weights)
        total = shares.sum(dim=0)
        if (shares < 0).any() or not total.isfinite().all() or (total <= 0).any():
            raise InputError(f"weights={weights} leave a stem without a share: give numbers of 0 or more, not all 0")
        return shares / total

    def _by_stem(self, weights: Weights | None) -> Tensor:
        count = len(self.members)
        by_name = weights if isinstance(weights, Mapping) else {}
        usual = [1.0] * count if weights is None or isinstance(weights, Mapping) else list(weights)
        lower = {str(name).casefold(): values for name, values in by_name.items()}
        if unknown := lower.keys() - {stem.casefold() for stem in self.stems}:
            raise InputError(f"weights name {', '.join(sorted(unknown))}, and the stems are {', '.join(self.stems)}")
        rows = [lower.get(stem.casefold(), usual) for stem in self.stems]
        numbers = all(isinstance(share, int | float) for row in rows for share in row)
        if not numbers or any(len(row) != count for row in rows):
            raise InputError(f"weights={weights} must have one number for each of the {count} checkpoint(s)")
        return torch.tensor(rows, dtype=torch.float32).T
