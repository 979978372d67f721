import os

import pytest

from bsroformer.errors import InputError
from bsroformer.parallel import mapping, processors


def negated(number: int) -> int:
    return -number


def killed(number: int) -> None:
    os._exit(1)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_work(workers):
    with mapping(workers) as run:
        assert list(run(negated, range(5))) == [0, -1, -2, -3, -4]


def test_a_killed_worker_is_told_with_what_may_help():
    with pytest.raises(InputError, match=r"A worker process was killed, .*: set workers=1"), mapping(2) as run:
        list(run(killed, range(2)))


def test_there_is_a_processor():
    assert 1 <= processors() <= (os.cpu_count() or 1)
