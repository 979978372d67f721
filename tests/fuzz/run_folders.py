"""Mutated files of a run: whatever is in them, validation accepts them or refuses them in one sentence.

``python tests/fuzz/run_folders.py <a run's folder> [count] [seed]`` tries many; the tests try a few.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from mutations import mutated_bytes, mutated_tree

from bsroformer.checkpoints.native import read_training_checkpoint
from bsroformer.errors import InputError
from bsroformer.launch.build import build_data, build_module, build_trainer
from bsroformer.launch.run_config import run_config
from bsroformer.launch.run_facts import read_starts
from bsroformer.report.rows import read_whole_rows
from bsroformer.run_folder import LAST, weights_of
from bsroformer.training.fault_records import read_whole_lines
from bsroformer.training.resume.state_check import check_training_state

LONGEST_S = 20.0
"""Of one validation, on a busy machine."""
ODD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**400, float("nan"), float("inf"), "", "word", "${oc.env:HOME}", "\0", "é" * 500),
    *([], {}, [[]], [None] * 3, {"_target_": "os.system", "command": "true"}, {"_args_": [1]}, {"a": {"b": []}}),
]
TENSORS = [torch.zeros(()), torch.zeros(1), torch.zeros(0), torch.full((3,), torch.nan), torch.ones(2, 2).long()]
Check = Callable[[Path], object]


def cases(run: Path, checks: dict[str, Check], draw: random.Random, work: Path) -> Iterator[tuple[Check, Path]]:
    """One mutated file after the other, at its usual place below `work`, and what validates it."""
    config, last = run / "config.yaml", run / "checkpoints" / LAST
    tree, entries = yaml.safe_load(config.read_text("utf-8")), torch.load(last, weights_only=True)
    while True:
        name = draw.choice(list(checks))
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if name == "config.yaml" and draw.random() < 0.7:
            path.write_text(yaml.safe_dump(mutated_tree(tree, draw, ODD)), "utf-8")
        elif name.endswith(LAST) and draw.random() < 0.8:
            torch.save(mutated_tree(entries, draw, ODD + TENSORS), path)
        else:
            source = run / name
            whole = source.read_bytes() if source.is_file() else b'{"step": 1, "excerpts": [[0, 1]]}\n' * 3
            path.write_bytes(mutated_bytes(whole, draw))
        yield checks[name], path


def checks_of(cfg: Any) -> dict[str, Check]:
    """What validates each file of a run when it is resumed."""
    module, data, trainer = build_module(cfg), build_data(cfg), build_trainer(cfg)
    return {
        "config.yaml": lambda path: run_config(path.parent),
        f"checkpoints/{LAST}": lambda path: check_training_state(
            read_training_checkpoint(path), path, trainer, module, data
        ),
        "metrics.csv": read_whole_rows,
        "faults.jsonl": read_whole_lines,
        "run.json": lambda path: (weights_of(path.parent), read_starts(path)),
    }


def fuzz(run: Path, count: int, seed: int, work: Path) -> tuple[int, list[str]]:
    """Validate so many mutated files.

    Returns:
        How many were refused, and a line for each that ended in another way or took too long.
    """
    draw, refused, faults = random.Random(seed), 0, []
    stream = cases(run, checks_of(run_config(run)), draw, work)
    for number in range(count):
        check, path = next(stream)
        begun = time.monotonic()
        try:
            check(path)
        except InputError as error:
            refused += 1
            if len(str(error)) > 2000 or "\n" in str(error):
                faults.append(f"case {number} of seed {seed}, {path.name}: its message is long: {error!s:.200}")
        except Exception as error:
            faults.append(f"case {number} of seed {seed}, {path.name}: {type(error).__name__}: {error!s:.200}")
        if time.monotonic() - begun > LONGEST_S:
            faults.append(f"case {number} of seed {seed}, {path.name}: took {time.monotonic() - begun:.0f} s")
    return refused, faults


if __name__ == "__main__":
    import tempfile

    given = [*sys.argv[1:], "3000", "0"]
    with tempfile.TemporaryDirectory() as folder:
        total, found = fuzz(Path(given[0]), int(given[1]), int(given[2]), Path(folder))
    print("\n".join(found) or "no fault", f"\n{total} of {given[1]} files were refused")
    sys.exit(bool(found))
