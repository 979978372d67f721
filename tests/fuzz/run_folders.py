"""Mutated files of a run: whatever is in them, validation accepts them or refuses them in one sentence.

``python tests/fuzz/run_folders.py <a run's folder> [count] [seed]`` tries many; the tests try a few.
"""

import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from mutations import mutated_bytes, mutated_tree
from trial import Case, report, tried

from bsroformer.checkpoints.native import read_training_checkpoint
from bsroformer.cli.commands.train.build import build_data, build_module, build_trainer
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.resume.run_config import run_config
from bsroformer.cli.commands.train.run_facts import read_starts
from bsroformer.report.metrics_csv import read_whole_rows
from bsroformer.run_folder import LAST, weights_of
from bsroformer.training.fault_records import read_whole_lines
from bsroformer.training.resume.state_check import check_training_state

ODD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**400, float("nan"), float("inf"), "", "word", "${oc.env:HOME}", "\0", "é" * 500),
    *([], {}, [[]], [None] * 3, {"_target_": "os.system", "command": "true"}, {"_args_": [1]}, {"a": {"b": []}}),
]
TENSORS = [torch.zeros(()), torch.zeros(1), torch.zeros(0), torch.full((3,), torch.nan), torch.ones(2, 2).long()]
Check = Callable[[Path], object]


class Mutations:
    """Writes mutated files of a run, each at its usual place below another folder.

    Args:
        run: The run's folder.
        work: The other.
    """

    def __init__(self, run: Path, work: Path) -> None:
        self.run, self.work = run, work
        self.config = yaml.safe_load((run / "config.yaml").read_text("utf-8"))
        self.last = torch.load(run / "checkpoints" / LAST, weights_only=True)

    def write(self, name: str, draw: random.Random) -> Path:
        """Write one."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if name == "config.yaml" and draw.random() < 0.7:
            path.write_text(yaml.safe_dump(mutated_tree(self.config, draw, ODD)), "utf-8")
        elif name.endswith(LAST) and draw.random() < 0.8:
            torch.save(mutated_tree(self.last, draw, ODD + TENSORS), path)
        else:
            source = self.run / name
            whole = source.read_bytes() if source.is_file() else b'{"step": 1, "excerpts": [[0, 1]]}\n' * 3
            path.write_bytes(mutated_bytes(whole, draw))
        return path


def checks_of(cfg: TrainConfig) -> dict[str, Check]:
    """What validates each file of a run when it is resumed."""
    module, data, trainer = build_module(cfg), build_data(cfg), build_trainer(cfg)
    return {
        "config.yaml": lambda path: TrainConfig.checked(run_config(path.parent)),
        f"checkpoints/{LAST}": lambda path: check_training_state(
            read_training_checkpoint(path), path, trainer, module, data
        ),
        "metrics.csv": read_whole_rows,
        "faults.jsonl": read_whole_lines,
        "run.json": lambda path: (weights_of(path.parent), read_starts(path)),
    }


def fuzz(run: Path, count: int, seed: int, work: Path) -> tuple[int, list[str]]:
    """Validate so many mutated files; see `trial.tried`."""
    checks, mutations = checks_of(TrainConfig.checked(run_config(run))), Mutations(run, work)

    def case(draw: random.Random) -> Case:
        name = draw.choice(list(checks))
        return name, partial(checks[name], mutations.write(name, draw))

    return tried(count, seed, case, longest_message=2000)


if __name__ == "__main__":
    import tempfile

    given = [*sys.argv[1:], "3000", "0"]
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(report(int(given[1]), *fuzz(Path(given[0]), int(given[1]), int(given[2]), Path(folder))))
