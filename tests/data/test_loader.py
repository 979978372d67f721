from itertools import chain

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from bsroformer.data.batch_schedule import BatchSchedule
from bsroformer.data.excerpts import EpochSampler, ExcerptKey
from bsroformer.data.loader import BatchCounts, TrainingLoader


class Keys(Dataset[Tensor]):
    """Excerpts that are their keys."""

    def __getitem__(self, key: ExcerptKey) -> Tensor:
        return torch.tensor(key)


class Run:
    """A run that counts steps as a trainer does."""

    def __init__(self, batches: int = 0, of_epoch: int = 0) -> None:
        self.batches = batches
        self.of_epoch = of_epoch

    def counts(self) -> BatchCounts:
        return BatchCounts(self.batches, self.of_epoch)

    def epoch(self, loader: TrainingLoader) -> list[Tensor]:
        """Train on the remaining batches of an epoch."""
        found = []
        for batch in loader:
            found.append(batch)
            self.batches += 1
        self.of_epoch = 0
        return found


def loader(run: Run | None, workers: int = 0) -> TrainingLoader:
    """Loader of batches of two keys, three an epoch, with one key skipped."""
    return TrainingLoader(Keys(), 2, EpochSampler(7), run.counts if run else lambda: None, workers, pin_memory=False)


def schedule(batches: int) -> list[Tensor]:
    """The first batches of an uninterrupted run."""
    keys = [(epoch, number) for epoch in range(batches) for number in range(6)]
    return list(torch.tensor(keys).unflatten(0, (-1, 2))[:batches])


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("start", [0, 1, 2, 3, 4, 8])
def test_epochs_follow_from_the_batches_trained_on(workers, start):
    run = Run(batches=start, of_epoch=start % 3)
    batches = loader(run, workers)
    epochs = [run.epoch(batches) for _ in range(3)]
    assert [len(epoch) for epoch in epochs] == [3 - start % 3, 3, 3]
    assert torch.equal(torch.stack([*chain(*epochs)]), torch.stack(schedule(20)[start : run.batches]))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_ended_early_is_finished_in_the_next(workers):
    run = Run(batches=2, of_epoch=0)
    batches = loader(run, workers)
    assert torch.equal(torch.stack(run.epoch(batches) + run.epoch(batches)), torch.stack(schedule(8)[2:]))


def test_a_complete_epoch_gives_no_more_batches():
    assert list(loader(Run(batches=3, of_epoch=3))) == []


def test_the_counts_are_read_when_the_first_batch_is_requested():
    run = Run()
    batches = iter(loader(run, workers=2))
    run.batches = 4
    assert torch.equal(next(batches), schedule(5)[4])


def test_without_a_run_the_epoch_is_the_samplers():
    batches = loader(None)
    for epoch in (0, 2, 2):
        batches.sampler.set_epoch(epoch)
        assert torch.equal(torch.stack(list(batches)), torch.stack(schedule(9)[3 * epoch : 3 * epoch + 3]))


def test_the_length_is_that_of_a_whole_epoch_at_any_position():
    run = Run(batches=1, of_epoch=1)
    batches = loader(run)
    assert len(batches) == 3
    run.epoch(batches)
    assert len(batches) == 3


def test_a_batch_reports_the_keys_of_its_excerpts():
    run = Run(batches=2, of_epoch=2)
    batches = loader(run)
    for _ in range(3):
        for batch in batches:
            assert batches.keys_of(run.batches) == [tuple(key) for key in batch.tolist()]
            run.batches += 1
        run.of_epoch = 0


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_another_size_begin_with_the_next_excerpt(workers):
    """Three batches of two, over two ranks, were trained on."""
    start, found = BatchSchedule(epoch=32, batch=4).after(3), []
    for rank in (0, 1):
        run = Run(batches=3, of_epoch=2)  # 5 batches of six are an epoch now
        batches = TrainingLoader(Keys(), 3, EpochSampler(32, rank, 2), run.counts, workers, False, start)
        keys = torch.stack(list(batches))
        assert keys.tolist() == [[list(key) for key in batches.keys_of(batch)] for batch in (3, 4, 5)]
        found += keys[..., 1].flatten().tolist()
    assert sorted(found) == list(range(12, 30))


def test_each_rank_knows_its_own_keys():
    of_ranks = [TrainingLoader(Keys(), 2, EpochSampler(9, rank, 2), lambda: None, 0, False) for rank in (0, 1)]
    assert [batches.keys_of(3) for batches in of_ranks] == [[(1, 4), (1, 6)], [(1, 5), (1, 7)]]
