from itertools import pairwise

import pytest

from bsroformer.data.batch_schedule import BatchSchedule, Position


def excerpts(schedule: BatchSchedule, batches: range) -> list[tuple[int, int]]:
    """The (epoch, number) of each excerpt of these batches."""
    positions = [schedule.after(batch) for batch in batches]
    return [(position.epoch, position.excerpt + number) for position in positions for number in range(schedule.batch)]


def test_batches_are_cut_from_one_epoch_after_another():
    assert excerpts(BatchSchedule(epoch=5, batch=2), range(4)) == [(e, n) for e in range(2) for n in range(4)]


@pytest.mark.parametrize("batches", range(12))
def test_an_interruption_does_not_change_the_schedule(batches):
    schedule = BatchSchedule(epoch=7, batch=2)
    resumed = BatchSchedule(7, 2, schedule.after(batches))
    assert [resumed.after(number) for number in range(batches, 20)] == [
        schedule.after(number) for number in range(batches, 20)
    ]


@pytest.mark.parametrize("batches", range(8))
@pytest.mark.parametrize(("epoch", "batch"), [(16, 1), (16, 4), (16, 6), (24, 2), (11, 3), (4, 2), (1, 1)])
def test_other_sizes_repeat_no_excerpt_and_skip_few(epoch, batch, batches):
    before = BatchSchedule(epoch=16, batch=2)
    after = BatchSchedule(epoch, batch, before.after(batches))
    drawn = excerpts(before, range(batches)) + excerpts(after, range(batches, batches + 40))
    assert all(one < next_one for one, next_one in pairwise(drawn))
    for one, next_one in pairwise(drawn):
        follows = next_one == (one[0], one[1] + 1)
        skipped = range(one[1] + 1, epoch)
        assert follows or (
            next_one == (one[0] + 1, 0) and (len(skipped) < batch or one[0] == before.after(batches).epoch)
        )


def test_smaller_batches_start_at_the_next_excerpt():
    assert BatchSchedule(16, 1, BatchSchedule(16, 2).after(3)).after(4) == Position(batches=4, epoch=0, excerpt=7)
