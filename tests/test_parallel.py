import os
import subprocess
import sys
from pathlib import Path

import pytest

from bsroformer.errors import InputError
from bsroformer.parallel import mapping, processors


def negated(number: int) -> int:
    return -number


def killed(number: int) -> None:
    os._exit(1)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_the_order_of_the_work(workers):
    with mapping(workers) as run:
        assert list(run(negated, range(5))) == [0, -1, -2, -3, -4]


def test_a_killed_worker_is_reported_with_a_remedy():
    with pytest.raises(InputError, match=r"A worker process was killed, .*; set workers=1"), mapping(2) as run:
        list(run(killed, range(2)))


def test_there_is_a_processor():
    assert 1 <= processors() <= (os.cpu_count() or 1)


SURVIVORS = """
import time
from bsroformer.parallel import mapping

def number(_):
    print("working", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    with mapping(2) as run:
        list(run(number, range(2)))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "survivors.py").write_text(SURVIVORS)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "survivors.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert all(parent.stdout.readline() for _ in range(2))
    parent.kill()
    parent.communicate(timeout=100)  # ends when the last process that could write has ended
